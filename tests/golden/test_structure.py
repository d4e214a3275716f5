"""What of a message is its structure."""

from dataclasses import dataclass

from harness.golden.naming import Naming
from harness.golden.structure import structure_of, value_structure
from tests.expect.traces import ADDRESSES, SCHEMA, TraceBuilder


def naming() -> Naming:
    return Naming(SCHEMA, {ADDRESSES["n1"]: "coordinator", ADDRESSES["n2"]: "replica 1"})


def test_a_write_is_told_field_by_field_with_its_timeout() -> None:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    found = structure_of(builder.messages[0], naming())
    assert found["mutation.table_id"] == "id of ks.map"
    assert found["mutation.key.components[]"] == "1"
    assert found["mutation.key.components[0]"] == "4 bytes"
    assert found["mutation.partition.tombstone.timestamp"] == "no timestamp"
    assert found["forward[]"] == "0"
    assert found["reply_to"] == "its sender"
    assert found["timeout"] == "2000 ms"


def test_a_field_that_is_not_written_is_not_there() -> None:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    assert "trace" not in structure_of(builder.messages[0], naming())


def test_whoever_waits_is_told_by_part_unless_it_is_the_sender() -> None:
    builder = TraceBuilder()
    builder.mutation("n3", "n2", reply_to="n1")
    assert structure_of(builder.messages[0], naming())["reply_to"] == "coordinator"


def test_errors_and_undecoded_bytes_are_told() -> None:
    builder = TraceBuilder()
    accept = builder.accept("n1", "n2")
    failed = builder.exception(accept)
    assert structure_of(builder.messages[failed], naming())["exception"] == "there"
    garbled = builder.messages[accept]._replace(payload=b"\x01\x02")
    assert structure_of(garbled, naming())["undecoded"] == "2 bytes"


@dataclass(frozen=True)
class Example:
    options: int
    other: int
    value: bytes
    data: bytes


def test_numbers_with_a_meaning_are_kept_and_values_have_no_length() -> None:
    found = value_structure(Example(options=5, other=7, value=b"xyz", data=b"xyz"), naming())
    assert found["options"] == "5"
    assert found["other"] == "number"
    assert found["value"] == "a value"
    assert found["data"] == "3 bytes"
