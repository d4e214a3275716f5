"""Documentation of payloads, read from their declarations: fields, layouts, first lines, and what they mean."""

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from harness.codec.verbs.line import Line
from harness.codec.verbs.wire import (
    FieldSpec,
    Framed,
    Group,
    Maybe,
    Number,
    PlainVariant,
    Struct,
    Vector,
    WireType,
    WritableVariant,
    struct_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """One line of the documentation of a payload."""

    path: str
    """Names of fields and alternatives from the payload down, joined by dots."""

    depth: int
    """0 for the payload's own fields."""

    name: str
    """The field's name; for an alternative of a variant, its index and class, as ``[1] Configuration``."""

    layout: str
    """On the wire: ``u32``, ``[S{Token}]``, ``VP<bytes | S{Configuration}>``."""

    since: Line | None
    """The first line whose senders write the field; None: every line that has the payload."""

    is_trailing: bool
    """Whether older senders leave it out."""

    text: str
    """What it means, without line breaks; where the field says nothing, what its class says."""

    values: tuple[tuple[int, str], ...] = ()
    """Numbers that have names."""


def describe_payload(cls: type) -> tuple[FieldRow, ...]:
    """List the fields of a payload and of all that it holds, outer before inner.

    A class that occurs several times is spelled out where it occurs first.

    Raises:
        TypeError: the class is not declared as a wire type.
    """
    return tuple(_field_rows(struct_of(cls), "", 0, set()))


def _field_rows(struct: Struct, path: str, depth: int, described: set[type]) -> Iterator[FieldRow]:
    described.add(struct.cls)
    texts = _field_texts(struct.cls)
    for spec in struct.specs:
        field_path = f"{path}.{spec.name}" if path else spec.name
        inner = list(_inner_structs(spec.wire))
        text = texts.get(spec.name, "")
        if not text and len(inner) == 1:
            text = class_text(inner[0][1].cls)
        yield _row(spec, field_path, depth, text)
        for label, child in inner:
            if label is None:
                if child.cls not in described:
                    yield from _field_rows(child, field_path, depth + 1, described)
                continue
            child_path = f"{field_path}.{child.cls.__name__}"
            yield FieldRow(
                path=child_path,
                depth=depth + 1,
                name=f"[{label}] {child.cls.__name__}",
                layout=child.describe(),
                since=None,
                is_trailing=False,
                text=class_text(child.cls),
            )
            if child.cls not in described:
                yield from _field_rows(child, child_path, depth + 2, described)


def _row(spec: FieldSpec, path: str, depth: int, text: str) -> FieldRow:
    enum = next((wire.enum for wire in _leaves(spec.wire) if isinstance(wire, Number) and wire.enum), None)
    return FieldRow(
        path=path,
        depth=depth,
        name=spec.name,
        layout=spec.wire.describe(),
        since=spec.since,
        is_trailing=spec.is_trailing,
        text=text,
        values=() if enum is None else tuple((int(member), member.name) for member in enum),
    )


def _parts(wire: WireType) -> tuple[WireType, ...]:
    """What a wire type is made of, variants aside."""
    if isinstance(wire, Vector):
        return (wire.element,)
    if isinstance(wire, Group):
        return wire.members
    if isinstance(wire, Maybe | Framed):
        return (wire.inner,)
    return ()


def _leaves(wire: WireType) -> Iterator[WireType]:
    parts = _parts(wire)
    if not parts:
        yield wire
    for part in parts:
        yield from _leaves(part)


def _inner_structs(wire: WireType) -> Iterator[tuple[str | None, Struct]]:
    """Give the declared classes within a wire type; those of variants with their index, such as 1 or 0.2."""
    if isinstance(wire, Struct):
        yield None, wire
    elif isinstance(wire, PlainVariant | WritableVariant):
        for index, alternative in enumerate(wire.alternatives):
            for label, struct in _inner_structs(alternative):
                yield (str(index) if label is None else f"{index}.{label}"), struct
    for part in _parts(wire):
        yield from _inner_structs(part)


def class_text(cls: type) -> str:
    """Give the first paragraph of a class's docstring in one line."""
    paragraph = (inspect.getdoc(cls) or "").split("\n\n", 1)[0]
    return " ".join(paragraph.split())


def _field_texts(cls: type) -> dict[str, str]:
    """Give the strings that stand below the fields of a class in its source."""
    return _texts_of_module(cls.__module__).get(cls.__qualname__, {})


@cache
def _texts_of_module(name: str) -> dict[str, dict[str, str]]:
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    return {node.name: _texts_below(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _texts_below(node: ast.ClassDef) -> dict[str, str]:
    texts: dict[str, str] = {}
    for declaration, below in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(declaration, ast.AnnAssign)
            and isinstance(declaration.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            texts[declaration.target.id] = " ".join(below.value.value.split())
    return texts
