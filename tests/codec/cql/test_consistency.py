from cassandra import ConsistencyLevel

from harness.codec.cql.consistency import Consistency, consistency_name


def test_numbers_are_those_of_the_stock_driver() -> None:
    assert {int(level): level.name for level in Consistency} == ConsistencyLevel.value_to_name


def test_unknown_number_keeps_its_number() -> None:
    assert consistency_name(4) == "QUORUM"
    assert consistency_name(11) == "CONSISTENCY_11"
