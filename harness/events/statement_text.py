"""What a CQL text does, and to which rows: its table, its conditions, the values that it gives to columns.

Source:
    ScyllaDB docs, CQL reference, "Data Manipulation", "Definitions" (identifiers, constants).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from harness.codec.cql.types import CqlType, ScalarType
from harness.codec.cql.values import encode_value
from harness.errors import EncodeError

TEXT_CHARACTERS_MAX = 1 << 20
"""Texts that are longer are not looked into."""


class Action(Enum):
    """What a statement does."""

    SELECT = "SELECT"
    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    TRUNCATE = "TRUNCATE"
    SCHEMA = "schema change"
    OTHER = "other"


class Term(NamedTuple):
    """A value as it stands in a text."""

    text: str
    marker: int | None = None
    """Index of the bound value that it stands for."""
    name: str | None = None
    """Of a named marker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementText:
    """One statement, those of a batch apart."""

    action: Action
    keyspace: str | None = None
    """None: the one in use."""
    table: str | None = None
    is_conditional: bool = False
    """INSERT, UPDATE or DELETE with IF: a lightweight transaction."""
    columns: Mapping[str, tuple[Term, ...]] = field(default_factory=dict)
    """By column: the values that WHERE wants (with ``=`` or IN) or that INSERT gives."""
    assigned: Mapping[str, Term | None] = field(default_factory=dict)
    """By column: what INSERT or UPDATE makes of it; None where that is no single value."""
    timestamp: Term | None = None
    """USING TIMESTAMP."""


_TOKEN = re.compile(
    r"""(?P<space>\s+ | --[^\n]* | //[^\n]* | /\*.*?\*/)
      | (?P<string>'(?:[^']|'')*' | \$\$.*?\$\$)
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<uuid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})
      | (?P<blob>0[xX][0-9a-fA-F]*)
      | (?P<number>-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
      | (?P<name>[^\W\d]\w*)
      | (?P<sign><=|>=|!=|.)""",
    re.DOTALL | re.VERBOSE,
)
_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")
_SCHEMA_WORDS = frozenset({"CREATE", "ALTER", "DROP"})
_CHANGES = frozenset({"INSERT", "UPDATE", "DELETE"})
_WHERE_ENDS = frozenset({"IF", "ORDER", "GROUP", "LIMIT", "PER", "ALLOW", "BYPASS", "USING"})


class _Token(NamedTuple):
    kind: str
    text: str
    marker: int | None = None

    @property
    def word(self) -> str:
        """The keyword that it may be."""
        return self.text.upper() if self.kind == "name" else self.text

    @property
    def identifier(self) -> str | None:
        if self.kind == "quoted":
            return self.text[1:-1].replace('""', '"')
        return self.text.lower() if self.kind == "name" else None


@lru_cache(maxsize=4096)
def read_statement(text: str) -> tuple[StatementText, ...]:
    """Read a text; of a batch, every statement in it. What cannot be understood is left out, not refused."""
    tokens = _tokens(text)
    if not tokens:
        return ()
    if tokens[0].word == "BEGIN":
        return tuple(_read(part) for part in _parts_of_batch(tokens))
    return (_read(tokens),)


def term_bytes(
    term: Term, cql_type: CqlType, bound: Sequence[bytes | None], names: Mapping[str, int]
) -> bytes | None:
    """A value as a cell of a type holds it.

    Args:
        term: the value in the text.
        cql_type: of its column.
        bound: values bound to the markers, in order.
        names: of bound values that have names, their place in that order.

    Returns:
        None for null, and for what only the node can compute.
    """
    if term.marker is not None:
        index = names.get(term.name, term.marker) if term.name is not None else term.marker
        return bound[index] if index < len(bound) else None
    value = _literal(term.text, cql_type)
    if value is None:
        return None
    try:
        return encode_value(cql_type, value)
    except EncodeError:
        return None


def _literal(text: str, cql_type: CqlType) -> object | None:
    if text.startswith("'") and len(text) > 1:
        inner = text[1:-1].replace("''", "'")
        return inner if cql_type in {ScalarType.TEXT, ScalarType.ASCII} else None
    if text.startswith("$$"):
        return text[2:-2] if cql_type in {ScalarType.TEXT, ScalarType.ASCII} else None
    match cql_type:
        case (
            ScalarType.INT
            | ScalarType.BIGINT
            | ScalarType.SMALLINT
            | ScalarType.TINYINT
            | ScalarType.VARINT
            | ScalarType.COUNTER
        ):
            return int(text) if re.fullmatch(r"-?\d{1,400}", text) else None
        case ScalarType.UUID | ScalarType.TIMEUUID:
            return UUID(text) if re.fullmatch(r"[0-9a-fA-F-]{36}", text) else None
        case ScalarType.BLOB:
            return _blob(text)
        case ScalarType.BOOLEAN:
            return {"true": True, "false": False}.get(text.lower())
        case _:
            return None


def _blob(text: str) -> bytes | None:
    digits = text[2:]
    return bytes.fromhex(digits) if text[:2].lower() == "0x" and len(digits) % 2 == 0 else None


# Tokens.


def _tokens(text: str) -> list[_Token]:
    if len(text) > TEXT_CHARACTERS_MAX:
        return []
    found: list[_Token] = []
    markers = 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "sign"
        if kind == "space":
            continue
        token = _Token(kind, match.group())
        if token.text == "?":
            token = _Token("marker", "?", markers)
            markers += 1
        elif found and found[-1].text == ":" and kind in {"name", "quoted"} and _is_marker(found):
            found[-1] = _Token("marker", token.identifier or "", markers)
            markers += 1
            continue
        found.append(token)
    return found


def _is_marker(tokens: list[_Token]) -> bool:
    """Whether a colon begins a named marker: in a map it stands behind a key."""
    before = tokens[-2] if len(tokens) > 1 else None
    return before is None or (before.kind in {"sign", "name"} and before.text not in _CLOSING)


def _parts_of_batch(tokens: list[_Token]) -> Iterator[list[_Token]]:
    part: list[_Token] = []
    depth = 0
    for token in tokens:
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        begins = depth == 0 and token.word in _CHANGES and (not part or part[-1].word != "ON")
        if begins or (token.word == "APPLY" and depth == 0):
            if part and part[0].word in _CHANGES:
                yield part
            part = []
        if token.text != ";":
            part.append(token)
    if part and part[0].word in _CHANGES:
        yield part


# Statements.


def _read(tokens: list[_Token]) -> StatementText:
    tokens = [token for token in tokens if token.text != ";"]
    words = [token.word for token in tokens]
    first = words[0] if words else ""
    if first in _SCHEMA_WORDS:
        return _named(Action.SCHEMA, _schema_target(tokens, words))
    if first == "TRUNCATE":
        start = 2 if words[1:2] in (["TABLE"], ["COLUMNFAMILY"]) else 1
        return _named(Action.TRUNCATE, _full_name(tokens, start))
    if first == "SELECT":
        return _read_select(tokens, words)
    if first == "INSERT":
        return _read_insert(tokens, words)
    if first == "UPDATE":
        return _read_update(tokens, words)
    if first == "DELETE":
        return _read_delete(tokens, words)
    return StatementText(action=Action.OTHER)


class _Name(NamedTuple):
    keyspace: str | None = None
    table: str | None = None


def _named(action: Action, name: _Name) -> StatementText:
    return StatementText(action=action, keyspace=name.keyspace, table=name.table)


def _full_name(tokens: list[_Token], start: int) -> _Name:
    names = [token.identifier for token in tokens[start : start + 3]]
    if not names or names[0] is None:
        return _Name()
    if len(names) == 3 and tokens[start + 1].text == "." and names[2] is not None:
        return _Name(keyspace=names[0], table=names[2])
    return _Name(table=names[0])


def _schema_target(tokens: list[_Token], words: list[str]) -> _Name:
    kinds = {"TABLE", "COLUMNFAMILY", "VIEW", "INDEX", "TYPE", "ON"}
    for index, word in enumerate(words[:16]):
        if word in {"KEYSPACE", "SCHEMA"}:
            after = _behind_if(words, index + 1)
            return _Name(keyspace=tokens[after].identifier if after < len(tokens) else None)
        if word in kinds and not (word == "INDEX" and "ON" in words[index : index + 8]):
            return _full_name(tokens, _behind_if(words, index + 1))
    return _Name()


def _behind_if(words: list[str], start: int) -> int:
    while words[start : start + 1] and words[start] in {"IF", "NOT", "EXISTS"}:
        start += 1
    return start


def _read_select(tokens: list[_Token], words: list[str]) -> StatementText:
    start = _index(words, "FROM", 0)
    name = _full_name(tokens, start + 1)
    return replace(_named(Action.SELECT, name), columns=_where(tokens, words, start))


def _read_insert(tokens: list[_Token], words: list[str]) -> StatementText:
    name = _full_name(tokens, _index(words, "INTO", 0) + 1)
    columns: dict[str, tuple[Term, ...]] = {}
    assigned: dict[str, Term | None] = {}
    opening = _index(words, "(", 0)
    values = _index(words, "VALUES", opening)
    if values < len(words):
        names = [token.identifier for token in tokens[opening + 1 : values] if token.identifier is not None]
        terms = _terms(tokens, values + 2)
        for column, term in zip(names, terms, strict=False):
            assigned[column] = term
            if term is not None:
                columns[column] = (term,)
    return replace(
        _named(Action.INSERT, name),
        is_conditional="IF" in words[opening:],
        columns=columns,
        assigned=assigned,
        timestamp=_timestamp(tokens, words),
    )


def _read_update(tokens: list[_Token], words: list[str]) -> StatementText:
    set_at = _index(words, "SET", 0)
    where_at = _index(words, "WHERE", set_at)
    return replace(
        _named(Action.UPDATE, _full_name(tokens, 1)),
        is_conditional="IF" in words[where_at:],
        columns=_where(tokens, words, where_at),
        assigned=_assignments(tokens[set_at + 1 : where_at]),
        timestamp=_timestamp(tokens, words[:set_at]),
    )


def _read_delete(tokens: list[_Token], words: list[str]) -> StatementText:
    start = _index(words, "FROM", 0)
    where_at = _index(words, "WHERE", start)
    return replace(
        _named(Action.DELETE, _full_name(tokens, start + 1)),
        is_conditional="IF" in words[where_at:],
        columns=_where(tokens, words, start),
        timestamp=_timestamp(tokens, words[:where_at]),
    )


def _index(words: Sequence[str], word: str, start: int) -> int:
    """Where a word stands; behind the end if it does not."""
    try:
        return words.index(word, start)
    except ValueError:
        return len(words)


def _timestamp(tokens: list[_Token], words: list[str]) -> Term | None:
    index = _index(words, "TIMESTAMP", 0)
    if index == 0 or index + 1 >= len(tokens) or words[index - 1] not in {"USING", "AND"}:
        return None
    return _term(tokens[index + 1 : index + 2])


def _terms(tokens: list[_Token], start: int) -> list[Term | None]:
    """Terms with commas between, up to the bracket that closes them."""
    found: list[Term | None] = []
    part: list[_Token] = []
    depth = 0
    for token in tokens[start:]:
        if token.text in _CLOSING and depth == 0:
            break
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if token.text == "," and depth == 0:
            found.append(_term(part))
            part = []
        else:
            part.append(token)
    if part:
        found.append(_term(part))
    return found


def _term(tokens: Sequence[_Token]) -> Term | None:
    """A constant or a marker; None for collections, functions and sums."""
    if len(tokens) != 1:
        return None
    (token,) = tokens
    if token.marker is not None:
        return Term(token.text, token.marker, None if token.text == "?" else token.text)
    return Term(token.text) if token.kind in {"string", "uuid", "blob", "number", "name"} else None


def _assignments(tokens: list[_Token]) -> dict[str, Term | None]:
    found: dict[str, Term | None] = {}
    part: list[_Token] = []
    depth = 0
    for token in [*tokens, _Token("sign", ",")]:
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if token.text != "," or depth:
            part.append(token)
            continue
        column = part[0].identifier if part else None
        if column is not None:
            found[column] = _term(part[2:]) if part[1:2] and part[1].text == "=" else None
        part = []
    return found


def _where(tokens: list[_Token], words: list[str], start: int) -> dict[str, tuple[Term, ...]]:
    found: dict[str, tuple[Term, ...]] = {}
    index = _index(words, "WHERE", start) + 1
    depth = 0
    while index < len(tokens):
        token = tokens[index]
        if depth == 0 and words[index] in _WHERE_ENDS:
            break
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        column = token.identifier
        operator = words[index + 1] if index + 1 < len(words) else ""
        if column is not None and words[index - 1] in {"WHERE", "AND", "("}:
            terms: list[Term | None] = []
            if operator == "=":
                # What comes behind the first token would make it a function or a sum.
                end = index + 3
                while end < len(words) and words[end] not in {"AND", ")", *_WHERE_ENDS}:
                    end += 1
                terms = [_term(tokens[index + 2 : end])]
            elif operator == "IN" and words[index + 2 : index + 3] == ["("]:
                terms = _terms(tokens, index + 3)
            known = tuple(term for term in terms if term is not None)
            if known and len(known) == len(terms):
                found[column] = known
        index += 1
    return found
