from harness.codec.verbs.table import TABLE
from harness.events.message import Kind
from harness.events.verb_family import Family, family_of
from tests.events.messages import message, query


def test_every_verb_has_a_family() -> None:
    for row in TABLE.verbs:
        assert family_of(message(Kind.REQUEST, row.number, b"")) is not Family.OTHER
    assert family_of(message(Kind.REQUEST, 99, b"")) is Family.OTHER


def test_what_went_wrong_is_a_family_of_its_own() -> None:
    assert family_of(message(Kind.EXCEPTION, 3, b"")) is Family.ERROR
    assert family_of(message(Kind.UNDECODED, None, b"")) is Family.ERROR
    assert family_of(message(Kind.ONE_WAY, 24, b"")) is Family.ERROR
    assert family_of(message(Kind.NEGOTIATION, None, b"")) is Family.CONNECTION
    assert family_of(query("Q")) is Family.CQL
    assert family_of(message()) is Family.WRITE
