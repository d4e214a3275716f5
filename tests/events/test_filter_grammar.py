from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import FilterError
from harness.events.filter_grammar import (
    And,
    Comparison,
    FieldReference,
    Function,
    Literal,
    Membership,
    Not,
    Operator,
    Or,
    Presence,
    Xor,
    parse,
)


def comparison(text: str) -> Comparison:
    parsed = parse(text)
    assert isinstance(parsed, Comparison)
    return parsed


@pytest.mark.parametrize(
    ("written", "operator"),
    [
        ("==", Operator.ANY_EQUAL),
        ("eq", Operator.ANY_EQUAL),
        ("!=", Operator.ALL_DIFFER),
        ("ne", Operator.ALL_DIFFER),
        ("===", Operator.ALL_EQUAL),
        ("!==", Operator.ANY_DIFFERS),
        ("~=", Operator.ANY_DIFFERS),
        ("<", Operator.LESS),
        ("lt", Operator.LESS),
        ("<=", Operator.LESS_OR_EQUAL),
        ("le", Operator.LESS_OR_EQUAL),
        (">", Operator.GREATER),
        ("gt", Operator.GREATER),
        (">=", Operator.GREATER_OR_EQUAL),
        ("ge", Operator.GREATER_OR_EQUAL),
        ("contains", Operator.CONTAINS),
        ("matches", Operator.MATCHES),
        ("~", Operator.MATCHES),
    ],
)
def test_operators_have_a_sign_and_a_word(written: str, operator: Operator) -> None:
    assert comparison(f"a.b {written} 7").operator is operator


def test_and_binds_tighter_than_xor_and_xor_tighter_than_or() -> None:
    a, b, c, d = (
        Presence(field=FieldReference(name=name, position=i))
        for name, i in zip("abcd", (0, 5, 11, 17), strict=True)
    )
    assert parse("a or b xor c and d") == Or(parts=(a, Xor(parts=(b, And(parts=(c, d))))))


def test_parentheses_group_and_signs_join_as_words_do() -> None:
    words = parse("(a or b) and not c")
    assert isinstance(words, And)
    assert isinstance(words.parts[0], Or)
    assert isinstance(words.parts[1], Not)
    signs = parse("(a || b) && !c")
    assert isinstance(signs, And)
    assert [type(part) for part in signs.parts] == [type(part) for part in words.parts]


def test_two_negations_are_none() -> None:
    assert isinstance(parse("not !a"), Presence)


def test_names_that_begin_like_keywords_are_names() -> None:
    assert comparison("android == origin").field.name == "android"
    assert comparison("a == nothing").value == Literal(text="nothing", position=5)
    assert isinstance(parse("inner"), Presence)


def test_consistency_levels_that_are_keywords_are_values_after_a_comparison() -> None:
    parsed = parse("cql.consistency == ALL and cql.consistency == ANY or x")
    assert isinstance(parsed, Or)
    assert isinstance(parsed.parts[0], And)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"INSERT INTO"', "INSERT INTO"),
        (r'"a\"b\\c\n\x41"', 'a"b\\c\nA'),
        ("'x y'", "x y"),
        (r'r"\d+"', r"\d+"),
    ],
)
def test_text_in_quotation_marks_knows_escapes_and_raw_text_none(written: str, value: str) -> None:
    assert comparison(f"a == {written}").value == Literal(text=value, is_quoted=True, position=5)


def test_sets_hold_values_and_ranges_with_commas_or_blanks_between() -> None:
    for written in ("x in {1, 3..5 'a b'}", "x in{1 3..5,'a b'}"):
        parsed = parse(written)
        assert isinstance(parsed, Membership)
        assert [(first.text, last.text) for first, last in parsed.items] == [
            ("1", "1"),
            ("3", "5"),
            ("a b", "a b"),
        ]
    negated = parse("x not in {1}")
    assert isinstance(negated, Membership)
    assert negated.is_negated


def test_fields_can_be_cut_and_reckoned_with() -> None:
    field = comparison("len(a.b[0:4,7,-2:,3-5]) > 3").field
    assert field.function is Function.LENGTH
    assert b"0123456789"[field.pieces[0]] == b"0123"
    assert b"0123456789"[field.pieces[1]] == b"7"
    assert b"0123456789"[field.pieces[2]] == b"89"
    assert b"0123456789"[field.pieces[3]] == b"345"


def test_every_value_can_be_asked_for() -> None:
    assert comparison("all a < 3").for_all
    assert not comparison("any a < 3").for_all


def test_an_empty_filter_lets_everything_pass() -> None:
    assert parse("  ") == And(parts=())


@pytest.mark.parametrize(
    ("text", "column", "what"),
    [
        ("a = 3", 3, "write =="),
        ("a ==", 5, "expected a value"),
        ("(a", 3, "expected )"),
        ("a == 1 2", 8, "expected and, or or the end"),
        ("a b", 3, "'b' does not belong here"),
        ("and", 1, "expected a field"),
        ("a and and b", 7, "expected a field"),
        ("a in {", 7, "expected a value"),
        ("a in b", 6, "expected {"),
        ("a == 'x", 6, "not closed"),
        ("a[3", 2, "not closed"),
        ("a[zz] == 1", 2, "no piece"),
        (r'a == "\xzz"', 6, "no escape"),
        ("a & b", 3, "does not belong here"),
        (")", 1, "expected a field"),
    ],
)
def test_what_is_wrong_is_pointed_at(text: str, column: int, what: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    first, shown, pointer = str(caught.value).split("\n")
    assert what in first
    assert first.endswith(f"(column {column})")
    assert shown == f"  {text}"
    assert pointer == " " * (column + 1) + "^"


@pytest.mark.parametrize("text", ["!(a or " * 2000 + "b" + ")" * 2000, "not " * 5000 + "a"])
def test_deep_nesting_is_refused_not_crashed_on(text: str) -> None:
    with pytest.raises(FilterError, match="nested too deeply"):
        parse(text)


@given(st.text(alphabet="ab.12:!=<>&|(){}[]\"'\\, ~^notrandix\n", max_size=60))
@settings(max_examples=200)
def test_only_filter_errors_come_out_of_garbage(text: str) -> None:
    with suppress(FilterError):
        parse(text)
