"""Rules of the grammar about words and terms."""

from lark import Token, Transformer, v_args

from harness.backends.simulation.cql import statements as s
from harness.backends.simulation.cql.request_error import syntax_error
from harness.backends.simulation.cql.rule_parts import Reserved, named, those_present
from harness.backends.simulation.cql.terms import (
    Call,
    Constant,
    ConstantKind,
    ListTerm,
    MapTerm,
    Marker,
    SetTerm,
    Term,
    TupleTerm,
)
from harness.ddl import FullName
from harness.reserved_words import RESERVED_WORDS


@v_args(inline=True)
class TermRules(Transformer[Token, s.Statement]):
    """Words and terms, of all statements."""

    def NAME(self, token: Token) -> str:  # noqa: N802  (the terminal's name)
        if token.startswith('"'):
            return str(token[1:-1].replace('""', '"'))
        word = token.lower()
        return Reserved(word) if word in RESERVED_WORDS else str(word)

    def full_name(self, first: str, second: str | None) -> FullName:
        return FullName(None, named(first)) if second is None else FullName(named(first), named(second))

    def string(self, token: Token) -> Constant:
        text = token[2:-2] if token.startswith("$") else token[1:-1].replace("''", "'")
        return Constant(ConstantKind.STRING, text)

    def number(self, token: Token) -> Constant:
        return Constant(ConstantKind.NUMBER, str(token))

    def uuid(self, token: Token) -> Constant:
        return Constant(ConstantKind.UUID, str(token))

    def blob(self, token: Token) -> Constant:
        return Constant(ConstantKind.BLOB, str(token))

    def duration(self, token: Token) -> Constant:
        return Constant(ConstantKind.DURATION, str(token))

    def word(self, name: str) -> Constant:
        return Constant(ConstantKind.WORD, str(name))

    def negative_word(self, name: str) -> Constant:
        return Constant(ConstantKind.WORD, f"-{name}")

    def marker(self, token: Token) -> Marker:
        return Marker(_offset(token))

    def named_marker(self, token: Token, name: str) -> Marker:
        return Marker(_offset(token), str(name))

    def call(self, name: str, *arguments: Term | None) -> Call:
        return Call(str(name), those_present(arguments))

    def qualified_call(self, keyspace: str, name: str, *arguments: Term | None) -> Call:
        return Call(str(name), those_present(arguments), str(keyspace))

    def list_term(self, *elements: Term | None) -> ListTerm:
        return ListTerm(those_present(elements))

    def tuple_term(self, *elements: Term) -> TupleTerm:
        return TupleTerm(elements)

    def braces_term(self, *entries: tuple[Term, Term | None] | None) -> SetTerm | MapTerm:
        present = those_present(entries)
        pairs = tuple((key, value) for key, value in present if value is not None)
        if not pairs:
            return SetTerm(tuple(key for key, _ in present))
        if len(pairs) != len(present):
            raise syntax_error(f"map with an entry without a value: {present[-1][0]}")
        return MapTerm(pairs)

    def entry(self, key: Term, value: Term | None) -> tuple[Term, Term | None]:
        return key, value


def _offset(token: Token) -> int:
    return token.start_pos or 0
