import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.backends.replay.statement_text import plain_text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT * FROM ks.t", "select  *\n from KS.T ;"),
        ("INSERT INTO t (a,b) VALUES (1,'x')", "INSERT INTO t ( a , b ) VALUES ( 1, 'x' )"),
        ("SELECT a FROM t -- which\nWHERE b=1", "SELECT a /* all of it */ FROM t // yes\n WHERE b = 1"),
        ("UPDATE t SET a = a + [4], m[3]='z'", "UPDATE t SET a=a+[4],m[3] = 'z'"),
        ("INSERT INTO t (a) VALUES ($$it's$$)", "insert into t(a) values($$it's$$)"),
    ],
)
def test_spaces_letters_and_comments_do_not_matter(one: str, other: str) -> None:
    assert plain_text(one) == plain_text(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT * FROM t WHERE a = 'X'", "SELECT * FROM t WHERE a = 'x'"),
        ("SELECT * FROM t WHERE a = 'a b'", "SELECT * FROM t WHERE a = 'a  b'"),
        ("SELECT * FROM t WHERE a = 'it''s'", "SELECT * FROM t WHERE a = 'it' 's'"),
        ('SELECT "A" FROM t', 'SELECT "a" FROM t'),
        ("SELECT * FROM t WHERE a = 17", "SELECT * FROM t WHERE a = 1 7"),
        ("SELECT * FROM t WHERE a = '--'", "SELECT * FROM t WHERE a = '"),
    ],
)
def test_what_is_quoted_and_where_words_end_matters(one: str, other: str) -> None:
    assert plain_text(one) != plain_text(other)


@given(st.text(alphabet="aB1 '\"$-/*;(),.\n", max_size=40))
@settings(max_examples=200)
def test_any_text_has_a_plain_text_that_is_its_own(text: str) -> None:
    assert plain_text(plain_text(text)) == plain_text(text)
