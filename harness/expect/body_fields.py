"""Whether the fields that a claim names exist: a misspelt one would make every claim on it fail."""

from collections.abc import Iterable, Iterator
from functools import cache

from harness.codec.cql import errors, events, messages, requests, results
from harness.codec.verbs.declared_type import FieldSpec
from harness.codec.verbs.registry import Role
from harness.codec.verbs.table import TABLE
from harness.codec.verbs.wire import declared_fields
from harness.errors import ExpectationError
from harness.events.body_values import known_field_names
from harness.events.filter_values import did_you_mean
from harness.events.message import Kind, Protocol
from harness.events.named_tables import classes_in
from harness.expect.verbs import VerbName

_ROLES = {
    Kind.REQUEST: (Role.REQUEST,),
    Kind.ONE_WAY: (Role.REQUEST,),
    Kind.REPLY: (Role.REPLY,),
    Kind.STREAM_DATA: (Role.SINK, Role.SOURCE),
}


def refuse_unknown_fields(
    protocol: Protocol, kinds: Iterable[Kind], verbs: Iterable[VerbName], paths: Iterable[str]
) -> None:
    """Make sure that some payload of these verbs, in some line, has each field.

    Raises:
        ExpectationError: none has; the message says which are near.
    """
    for path in paths:
        parts = path.split(".")
        classes = _payload_classes(tuple(kinds), tuple(verbs)) if protocol is Protocol.RPC else ()
        if classes:
            _follow(classes, parts, " and ".join(dict.fromkeys(str(verb) for verb in verbs)))
            continue
        known = known_field_names() | _cql_properties() if protocol is Protocol.CQL else known_field_names()
        for part in parts:
            if part not in known:
                raise ExpectationError(f"no payload has a field {part!r}{did_you_mean(part, known)}")


@cache
def _payload_classes(kinds: tuple[Kind, ...], verbs: tuple[VerbName, ...]) -> tuple[type, ...]:
    found: dict[type, None] = {}
    for verb in verbs:
        for number in verb.numbers:
            for payload in TABLE.by_number[number].payloads:
                for kind in kinds:
                    for role in _ROLES.get(kind, ()):
                        cls = payload.of(role)
                        if cls is not None:
                            found[cls] = None
    return tuple(found)


def _follow(classes: tuple[type, ...], parts: list[str], verbs: str) -> None:
    for index, part in enumerate(parts):
        having = [cls for cls in classes if hasattr(cls, part) or part in _names(cls)]
        if not having:
            names = sorted({name for cls in classes for name in _names(cls)})
            place = f"{'.'.join(parts[:index])} of {verbs}" if index else verbs
            raise ExpectationError(
                f"{place} has no field {part!r}{did_you_mean(part, names)}; it has {', '.join(names) or 'none'}"
            )
        inner = tuple(
            cls
            for holder in having
            for spec in _specs(holder)
            if spec.name == part
            for cls in classes_in(spec.wire)
        )
        if not inner:
            # A property, a number, or a type without fields: what is behind it shows in the messages.
            return
        classes = inner


def _names(cls: type) -> tuple[str, ...]:
    return tuple(spec.name for spec in _specs(cls))


def _specs(cls: type) -> tuple[FieldSpec, ...]:
    return tuple(declared_fields(cls))


@cache
def _cql_properties() -> frozenset[str]:
    return frozenset(_property_names())


def _property_names() -> Iterator[str]:
    for module in (messages, requests, results, errors, events):
        for member in vars(module).values():
            if isinstance(member, type):
                yield from (name for name, value in vars(member).items() if isinstance(value, property))
