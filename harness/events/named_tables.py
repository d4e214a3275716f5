"""Which tables a decoded payload speaks of, found by what its declaration calls its fields."""

from collections.abc import Iterator
from functools import cache
from uuid import UUID

from harness.codec.verbs.wire import Struct, WireType, is_declared
from harness.schema import Schema

_ID_FIELDS = frozenset({"table_id", "table_ids"})
_NAME_FIELDS = ("keyspace", "table")


def tables_in(body: object, schema: Schema) -> tuple[str, ...]:
    """Names of the tables (``keyspace.table``) that a payload names, in order, each once.

    A table whose id no schema explains stands there as the text of its UUID.
    """
    return tuple(dict.fromkeys(_names(body, schema)))


def table_name(table_id: UUID, schema: Schema) -> str:
    """``keyspace.table``, or the UUID where the table is unknown."""
    table = schema.table_of(table_id)
    return str(table_id) if table is None else table.full_name


def _names(value: object, schema: Schema) -> Iterator[str]:
    if isinstance(value, tuple):
        for item in value:
            yield from _names(item, schema)
        return
    if not is_declared(value):
        return
    cls: type = type(value)
    fields = _speaking_fields(cls)
    if all(name in fields for name in _NAME_FIELDS):
        yield ".".join(str(getattr(value, name)) for name in _NAME_FIELDS)
    for name in fields:
        inner = getattr(value, name)
        if name in _ID_FIELDS:
            for table_id in inner if isinstance(inner, tuple) else (inner,):
                if isinstance(table_id, UUID):
                    yield table_name(table_id, schema)
        elif name not in _NAME_FIELDS:
            yield from _names(inner, schema)


@cache
def _speaking_fields(cls: type) -> tuple[str, ...]:
    """Fields of a declared class that name tables, or lead to some that do."""
    struct = getattr(cls, "__wire__", None)
    if not isinstance(struct, Struct):
        return ()
    names = {spec.name for spec in struct.specs}
    return tuple(
        spec.name
        for spec in struct.specs
        if spec.name in _ID_FIELDS
        or (spec.name in _NAME_FIELDS and names.issuperset(_NAME_FIELDS))
        or any(_speaking_fields(inner) for inner in classes_in(spec.wire))
    )


def classes_in(wire: WireType) -> Iterator[type]:
    """The declared classes of which a wire type may hold instances, not those inside them."""
    if isinstance(wire, Struct):
        yield wire.cls
    for attribute in ("inner", "element"):
        inner = getattr(wire, attribute, None)
        if inner is not None:
            yield from classes_in(inner)
    for attribute in ("members", "alternatives"):
        for inner in getattr(wire, attribute, ()):
            yield from classes_in(inner)
