"""Values as they stand in a statement, before it is known of which type they are."""

from dataclasses import dataclass
from enum import Enum


class ConstantKind(Enum):
    """How a constant is written."""

    STRING = "string"
    NUMBER = "number"
    UUID = "uuid"
    BLOB = "blob"
    DURATION = "duration"
    WORD = "word"
    """A bare word: null, true, NaN; or the name of a field or column."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that stands for itself."""

    kind: ConstantKind
    text: str
    """Of strings without quotes; of words as written."""

    @property
    def is_null(self) -> bool:
        """Whether it is the word null."""
        return self.kind is ConstantKind.WORD and self.text.lower() == "null"

    def __str__(self) -> str:
        return "'" + self.text.replace("'", "''") + "'" if self.kind is ConstantKind.STRING else self.text


@dataclass(frozen=True, slots=True)
class Marker:
    """A value that is bound later."""

    offset: int
    """Where it stands in the text; markers are numbered in this order."""
    name: str | None = None

    def __str__(self) -> str:
        return "?" if self.name is None else f":{self.name}"


@dataclass(frozen=True, slots=True)
class Call:
    """The result of a function."""

    name: str
    arguments: tuple["Term", ...]
    keyspace: str | None = None

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True, slots=True)
class ListTerm:
    """``[a, b]``: a list."""

    elements: tuple["Term", ...]

    def __str__(self) -> str:
        return f"[{', '.join(map(str, self.elements))}]"


@dataclass(frozen=True, slots=True)
class SetTerm:
    """``{a, b}``: a set; without elements, any collection of braces."""

    elements: tuple["Term", ...]

    def __str__(self) -> str:
        return f"{{{', '.join(map(str, self.elements))}}}"


@dataclass(frozen=True, slots=True)
class MapTerm:
    """``{a: b}``: a map, or, with names for keys, a user-defined type."""

    entries: tuple[tuple["Term", "Term"], ...]

    def __str__(self) -> str:
        return f"{{{', '.join(f'{key}: {value}' for key, value in self.entries)}}}"


@dataclass(frozen=True, slots=True)
class TupleTerm:
    """``(a, b)``: a tuple; with one element, that element in parentheses or a tuple of one."""

    elements: tuple["Term", ...]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.elements))})"


Term = Constant | Marker | Call | ListTerm | SetTerm | MapTerm | TupleTerm
