"""Names for what differs from run to run."""

from uuid import UUID

from harness.golden.naming import Naming
from tests.expect.traces import MAP, SCHEMA

MISSING = -(2**63)


def naming() -> Naming:
    return Naming(SCHEMA, {"10.0.0.1": "coordinator"})


def test_the_same_thing_has_the_same_name_and_another_one_another() -> None:
    names = naming()
    ballots = [UUID(int=7), UUID(int=9), UUID(int=7)]
    assert [names.uuid(ballot, "ballot") for ballot in ballots] == ["ballot 1", "ballot 2", "ballot 1"]
    assert names.numbered("digest", b"x") == "digest 1"


def test_tables_are_called_by_name() -> None:
    assert MAP.id is not None
    assert naming().uuid(MAP.id, "table_id") == "id of ks.map"


def test_no_id_and_no_timestamp_are_told_from_any() -> None:
    names = naming()
    assert names.uuid(UUID(int=0), "query_id") == "null id"
    assert names.timestamp(MISSING) == "no timestamp"
    assert names.timestamp(5) == "timestamp 1"


def test_a_version_is_its_tables_even_where_it_stands_alone() -> None:
    names = naming()
    told = names.version(UUID(int=3), MAP.id)
    assert told == "version of id of ks.map 1"
    assert names.version(UUID(int=3), None) == told


def test_texts_keep_words_and_lose_numbers_of_their_own() -> None:
    names = naming()
    assert names.text("10.0.0.1") == "coordinator"
    assert names.text("INSERT INTO ks1.t2 (id) VALUES (17)") == "INSERT INTO ks1.t2 (id) VALUES (#)"
    assert names.text("id = 01234567-89ab-11e0-8123-456789abcdef") == "id = #"
    assert names.text("-17;5;99") == names.text("4;-5;6;7")
