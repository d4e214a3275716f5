"""The language of filters: text in, expression out; where the text is wrong, a pointer to the place.

The language is Wireshark's display filter language, as far as messages have what it speaks of:

    scylla.verb == MUTATION and not (sender == n1 or scylla.mut.pkey contains 68:65)
    cql.opcode in {QUERY, EXECUTE} && frame.time_relative >= 0.5
    len(scylla.payload) > 1000 or scylla.payload[0:4] == 19:01:00:00

Source:
    wireshark-filter(4) of Wireshark 4.0, "DISPLAY FILTER SYNTAX".
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import NoReturn

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedToken, VisitError

from harness.errors import FilterError


class Operator(Enum):
    """How a field is held against a value; a field may have several values in one message."""

    ANY_EQUAL = "=="
    ALL_DIFFER = "!="
    ALL_EQUAL = "==="
    ANY_DIFFERS = "!=="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    CONTAINS = "contains"
    MATCHES = "matches"


class Function(Enum):
    """What may be asked of a field's values instead of the values themselves."""

    LENGTH = "len"
    COUNT = "count"
    LOWER = "lower"
    UPPER = "upper"


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A value as it was written."""

    text: str
    is_quoted: bool = False
    """Whether it stood in quotes: then it is text, and never the name of a field or of a verb's number."""
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReference:
    """A field, perhaps a piece of it, perhaps what a function says of it."""

    name: str
    pieces: tuple[slice, ...] = ()
    """Of ``field[0:4,8]``: what is cut out, joined; empty: the whole."""
    function: Function | None = None
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A field against a value, or against another field."""

    field: FieldReference
    operator: Operator
    value: Literal | FieldReference
    for_all: bool = False
    """Whether every value of the field must compare so (``all field < 3``); else one is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A field against a set of values and ranges; ranges include both ends."""

    field: FieldReference
    items: tuple[tuple[Literal, Literal], ...]
    """Each with its end, which is the value itself where no range was written."""
    is_negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A message that has the field at all."""

    field: FieldReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """What does not fulfil the expression."""

    inner: "Expression"


@dataclass(frozen=True, slots=True, kw_only=True)
class And:
    """What fulfils all of them."""

    parts: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Or:
    """What fulfils one of them."""

    parts: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Xor:
    """What fulfils an odd number of them."""

    parts: "tuple[Expression, ...]"


Expression = Comparison | Membership | Presence | Not | And | Or | Xor
"""An And without parts holds for every message."""


def parse(text: str) -> Expression:
    """Read a filter.

    Raises:
        FilterError: it cannot be understood; the message points to the place.
    """
    if not text.strip():
        return And(parts=())
    try:
        tree = _parser().parse(text)
    except UnexpectedCharacters as error:
        _refuse_character(text, error.pos_in_stream or 0)
    except UnexpectedToken as error:
        _refuse_token(text, error)
    try:
        expression: Expression = _Builder(text).transform(tree)
    except VisitError as error:
        if isinstance(error.orig_exc, FilterError):
            raise error.orig_exc from None
        if isinstance(error.orig_exc, RecursionError):
            _refuse_depth(text)
        raise
    except RecursionError:
        _refuse_depth(text)
    return expression


def refuse(text: str, position: int, what: str) -> NoReturn:
    """Say what is wrong with a filter, and where.

    Raises:
        FilterError: always.
    """
    # A filter may have been written over several lines; the pointer needs one.
    line = "".join(" " if character in "\t\n\r" else character for character in text)
    raise FilterError(f"filter: {what} (column {position + 1})\n  {line}\n  {' ' * position}^") from None


_GRAMMAR = r"""
start: disjunction

?disjunction: exclusive (_OR exclusive)*
?exclusive: conjunction (_XOR conjunction)*
?conjunction: negation (_AND negation)*
?negation: _NOT negation -> negated
    | test
?test: "(" disjunction ")"
    | comparison
    | membership
    | presence

comparison: [QUANTIFIER] operand OPERATOR value
membership: operand [NEGATION] _IN "{" item (","? item)* "}"
presence: operand
?operand: FUNCTION "(" field ")" -> call
    | field
field: NAME [PIECES]
?value: FUNCTION "(" field ")" -> call
    | WORD [PIECES] -> word
    | STRING -> string
item: (WORD | STRING)

_OR.3: "||" | /or(?![\w.:-])/i
_XOR.3: "^^" | /xor(?![\w.:-])/i
_AND.3: "&&" | /and(?![\w.:-])/i
_NOT.3: /!(?![=~])/ | /not(?![\w.:-])(?!\s+in[\s{])/i
NEGATION.3: /not(?=\s+in[\s{])/i
_IN.3: /in(?=[\s{])/i
QUANTIFIER.3: /(any|all)(?=\s)/i
FUNCTION.3: /(len|count|lower|upper)(?=\s*\()/i
OPERATOR.3: /===|!==|==|!=|~=|<=|>=|<|>|~|(all_eq|any_eq|all_ne|any_ne|eq|ne|lt|le|gt|ge|contains|matches)(?![\w.:-])/i
PIECES: /\[[^\]]*\]/
STRING: /[rR]"[^"]*"/ | /"(\\.|[^"\\])*"/ | /'(\\.|[^'\\])*'/
NAME: /(?!(and|or|not|xor|in|contains|matches|[engl][qet])(?![\w.:-]))[^\s()\[\]{},"'=!<>&|~^]+/i
WORD: /[^\s()\[\]{},"'=!<>&|~^]+/

%ignore /\s+/
"""

_EXPECTED = {
    "NAME": "a field",
    "WORD": "a value",
    "OPERATOR": "a comparison such as ==",
    "_AND": "and",
    "_OR": "or",
    "RPAR": ")",
    "LBRACE": "{",
    "RBRACE": "}",
    "$END": "the end",
}
"""What the parser may miss, in the words of the language; what is not here is too special to be proposed."""

_OPERATORS = {
    "==": Operator.ANY_EQUAL,
    "eq": Operator.ANY_EQUAL,
    "any_eq": Operator.ANY_EQUAL,
    "!=": Operator.ALL_DIFFER,
    "ne": Operator.ALL_DIFFER,
    "all_ne": Operator.ALL_DIFFER,
    "===": Operator.ALL_EQUAL,
    "all_eq": Operator.ALL_EQUAL,
    "!==": Operator.ANY_DIFFERS,
    "~=": Operator.ANY_DIFFERS,
    "any_ne": Operator.ANY_DIFFERS,
    "<": Operator.LESS,
    "lt": Operator.LESS,
    "<=": Operator.LESS_OR_EQUAL,
    "le": Operator.LESS_OR_EQUAL,
    ">": Operator.GREATER,
    "gt": Operator.GREATER,
    ">=": Operator.GREATER_OR_EQUAL,
    "ge": Operator.GREATER_OR_EQUAL,
    "contains": Operator.CONTAINS,
    "~": Operator.MATCHES,
    "matches": Operator.MATCHES,
}

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


@cache
def _parser() -> Lark:
    # Made when the first filter is read: building the tables takes longer than decoding a small capture.
    return Lark(_GRAMMAR, parser="lalr", lexer="contextual")


def _refuse_depth(text: str) -> NoReturn:
    refuse(text[:60], 0, "is nested too deeply")


def _refuse_character(text: str, position: int) -> NoReturn:
    match text[position]:
        case "=":
            refuse(text, position, "'=' compares nothing; write ==")
        case '"' | "'":
            refuse(text, position, "the quotation mark is not closed")
        case "[":
            refuse(text, position, "the bracket is not closed")
        case character:
            word = re.match(r"\w+", text[position:])
            what = word[0] if word else character
            refuse(text, position, f"{what!r} does not belong here{'; expected a field' if word else ''}")


def _refuse_token(text: str, error: UnexpectedToken) -> NoReturn:
    at_end = error.token.type == "$END"
    position = len(text.rstrip()) if at_end else error.token.start_pos or 0
    found = "the filter ends here" if at_end else f"{str(error.token)!r} does not belong here"
    accepted = error.accepts or error.expected
    names = [name for terminal, name in _EXPECTED.items() if terminal in accepted]
    expected = f"; expected {', '.join(names[:-1])}{' or ' * (len(names) > 1)}{names[-1]}" if names else ""
    refuse(text, position, found + expected)


def _unescape(text: str, position: int, token: str) -> str:
    """Resolve the escapes of a quoted string, as C writes them."""
    out: list[str] = []
    index = 0
    while index < len(token):
        character = token[index]
        index += 1
        if character != "\\":
            out.append(character)
            continue
        escaped = token[index]
        index += 1
        if escaped == "x":
            digits = token[index : index + 2]
            try:
                out.append(chr(int(digits, 16)))
            except ValueError:
                refuse(text, position, f"'\\x{digits}' is no escape; write two hexadecimal digits after \\x")
            index += 2
        else:
            out.append(_ESCAPES.get(escaped, escaped))
    return "".join(out)


def _piece(text: str, position: int, written: str) -> slice:
    """Read one of ``i``, ``i:length``, ``i-last``, ``:length``, ``i:``; negative offsets count from the end."""
    body = written.strip()
    try:
        if ":" in body:
            start_text, _, length_text = body.partition(":")
            start = int(start_text or 0)
            if not length_text:
                return slice(start, None)
            stop = start + int(length_text)
            return slice(start, None if start < 0 <= stop else stop)
        dash = body.find("-", 1)
        if dash > 0:
            last = int(body[dash + 1 :])
            return slice(int(body[:dash]), None if last == -1 else last + 1)
        index = int(body)
        return slice(index, None if index == -1 else index + 1)
    except ValueError:
        refuse(text, position, f"[{body}] is no piece; write [offset:length], [first-last] or [offset]")


@v_args(inline=True)
class _Builder(Transformer[Token, Expression]):
    """Turns the parser's tree into an expression."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def start(self, inner: Expression) -> Expression:
        return inner

    def disjunction(self, *parts: Expression) -> Expression:
        return Or(parts=parts)

    def exclusive(self, *parts: Expression) -> Expression:
        return Xor(parts=parts)

    def conjunction(self, *parts: Expression) -> Expression:
        return And(parts=parts)

    def negated(self, inner: Expression) -> Expression:
        return inner.inner if isinstance(inner, Not) else Not(inner=inner)

    def presence(self, field: FieldReference) -> Expression:
        return Presence(field=field)

    def comparison(
        self,
        quantifier: Token | None,
        field: FieldReference,
        operator: Token,
        value: Literal | FieldReference,
    ) -> Expression:
        return Comparison(
            field=field,
            operator=_OPERATORS[operator.lower()],
            value=value,
            for_all=quantifier is not None and quantifier.lower() == "all",
        )

    def membership(
        self, field: FieldReference, negation: Token | None, *items: tuple[Literal, Literal]
    ) -> Expression:
        return Membership(field=field, items=items, is_negated=negation is not None)

    def item(self, token: Token) -> tuple[Literal, Literal]:
        position = token.start_pos or 0
        if token.type == "STRING":
            value = self.string(token)
            return value, value
        first, dots, last = token.partition("..")
        literal = Literal(text=str(first), position=position)
        if not dots:
            return literal, literal
        return literal, Literal(text=str(last), position=position + len(first) + 2)

    def call(self, function: Token, field: FieldReference) -> FieldReference:
        return FieldReference(
            name=field.name,
            pieces=field.pieces,
            function=Function(function.lower()),
            position=function.start_pos or 0,
        )

    def field(self, word: Token, pieces: Token | None) -> FieldReference:
        return FieldReference(name=str(word), pieces=self._pieces(pieces), position=word.start_pos or 0)

    def word(self, word: Token, pieces: Token | None) -> Literal | FieldReference:
        if pieces is not None:
            return self.field(word, pieces)
        return Literal(text=str(word), position=word.start_pos or 0)

    def string(self, token: Token) -> Literal:
        position = token.start_pos or 0
        if token[0] in "rR":
            return Literal(text=token[2:-1], is_quoted=True, position=position)
        return Literal(text=_unescape(self._text, position, token[1:-1]), is_quoted=True, position=position)

    def _pieces(self, token: Token | None) -> tuple[slice, ...]:
        if token is None:
            return ()
        return tuple(_piece(self._text, token.start_pos or 0, part) for part in token[1:-1].split(","))
