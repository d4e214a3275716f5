"""Functions of values, through statements."""

from uuid import UUID

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.partitioner import token_of
from tests.backends.simulation.cql.node import LocalNode
from tests.backends.simulation.tables import NOW_US, catalog_of, i32


@pytest.fixture
def node() -> LocalNode:
    return LocalNode(
        catalog_of(
            "CREATE TABLE t (p int PRIMARY KEY, tu timeuuid, u uuid, ts timestamp, d date, bi bigint, b blob, i int,"
            " tm time)"
        )
    )


def stored(node: LocalNode, column: str, term: str) -> object:
    node.run(f"INSERT INTO t (p, {column}) VALUES (1, {term})")
    ((value,),) = node.rows(f"SELECT {column} FROM t WHERE p = 1")
    return value


def test_time_and_chance_come_from_outside(node: LocalNode) -> None:
    first, second = stored(node, "tu", "now()"), stored(node, "tu", "currentTimeUUID()")
    assert isinstance(first, UUID)
    assert isinstance(second, UUID)
    assert first.time < second.time
    assert isinstance(stored(node, "u", "uuid()"), UUID)
    assert stored(node, "bi", "toUnixTimestamp(currentTimestamp())") == NOW_US // 1000


def test_times_are_turned_into_each_other(node: LocalNode) -> None:
    timeuuid = "50554d6e-29bb-11e5-b345-feff819cdc9f"
    assert stored(node, "bi", f"unixTimestampOf({timeuuid})") == 1_436_832_018_805
    assert stored(node, "bi", f"toUnixTimestamp(dateOf({timeuuid}))") == 1_436_832_018_805
    assert str(stored(node, "d", f"toDate({timeuuid})")) == "2015-07-14"
    assert (
        stored(node, "bi", "toUnixTimestamp(toTimestamp(toDate('2015-07-13 10:00:00+0000')))")
        == 1_436_745_600_000
    )
    assert str(stored(node, "d", "currentDate()")) == "2023-11-14"
    assert str(stored(node, "tm", "currentTime()")).startswith("22:13:20")


def test_bounds_of_time_uuids_enclose_their_millisecond(node: LocalNode) -> None:
    low = stored(node, "tu", "minTimeuuid('2015-07-14 00:00:18.805+0000')")
    high = stored(node, "tu", "maxTimeuuid('2015-07-14 00:00:18.805+0000')")
    assert isinstance(low, UUID)
    assert isinstance(high, UUID)
    assert low.time <= UUID("50554d6e-29bb-11e5-b345-feff819cdc9f").time <= high.time
    assert high.time - low.time == 9999


def test_values_are_blobs_and_blobs_are_values(node: LocalNode) -> None:
    assert stored(node, "b", "intAsBlob(5)") == i32(5)
    assert stored(node, "i", "blobAsInt(0x00000005)") == 5
    with pytest.raises(RequestError, match="not a valid binary representation for type int"):
        node.run("INSERT INTO t (p, i) VALUES (1, blobAsInt(0x0005))")


def test_token_is_that_of_the_key(node: LocalNode) -> None:
    node.run("INSERT INTO t (p) VALUES (7)")
    assert node.rows("SELECT token(p) FROM t") == [(token_of((i32(7),)),)]


@pytest.mark.parametrize(
    ("term", "shown"),
    [
        ("nothing(1)", "Unknown function nothing called"),
        ("ks.now()", "Unknown function ks.now called"),
        ("now(1)", "none of its type signatures match"),
        ("intAsBlob('x')", "none of its type signatures match"),
        ("uuid()", "cannot assign result of function uuid"),
    ],
)
def test_wrong_calls_are_refused(node: LocalNode, term: str, shown: str) -> None:
    with pytest.raises(RequestError) as error:
        node.run(f"INSERT INTO t (p, i) VALUES (1, {term})")
    assert shown in error.value.text
