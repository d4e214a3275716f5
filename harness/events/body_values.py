"""Values inside decoded payloads by the path of their fields, such as ``command.partition_slice.options``."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache

from harness.codec.cql import errors, events, messages, requests, results
from harness.codec.verbs.registry import Role
from harness.codec.verbs.table import TABLE
from harness.codec.verbs.wire import Absent, declared_fields
from harness.events.named_tables import classes_in

BODY_PREFIX = "body."


def values_at(body: object, path: tuple[str, ...]) -> Iterator[object]:
    """Values that a path leads to; through every element where a field holds several.

    Fields that a payload does not have, or that its sender did not write, lead to nothing. What stands in
    the ``content`` of a CQL message is found without naming it.
    """
    if isinstance(body, tuple) and not hasattr(body, "_fields"):
        for item in body:
            yield from values_at(item, path)
        return
    if body is None or isinstance(body, Absent):
        return
    if not path:
        yield body
        return
    if isinstance(body, messages.Message) and not hasattr(body, path[0]):
        body = body.content
    if hasattr(body, path[0]):
        yield from values_at(getattr(body, path[0]), path[1:])


@cache
def known_field_names() -> frozenset[str]:
    """Names of all fields that any payload or any message of CQL has."""
    names: set[str] = set()
    seen: set[type] = set()

    def collect(cls: type) -> None:
        if cls in seen:
            return
        seen.add(cls)
        for spec in declared_fields(cls):
            names.add(spec.name)
            for inner in classes_in(spec.wire):
                collect(inner)

    for row in TABLE.verbs:
        for payload in row.payloads:
            for role in Role:
                cls = payload.of(role)
                if cls is not None:
                    collect(cls)
    for module in (messages, requests, results, errors, events):
        for member in vars(module).values():
            if isinstance(member, type) and is_dataclass(member):
                names.update(item.name for item in fields(member))
    return frozenset(names)
