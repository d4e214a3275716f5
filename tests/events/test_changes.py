"""Changes in one line."""

from uuid import UUID

from harness.events.changes import CellChange, CellKind, MarkerKind, PartitionChange, RowChange
from harness.events.typed_value import Value
from harness.schema import Table

_TABLE = Table(keyspace="demo3", name="buildings_by_city")


def _cell(column: str, text: str, *, ttl_s: int | None = None) -> CellChange:
    return CellChange(column, CellKind.LIVE if ttl_s is None else CellKind.EXPIRING, None, text, 5, ttl_s)


def _row(*cells: CellChange, key: str = "'Burj Khalifa'", deleted_at_us: int | None = None) -> RowChange:
    values = (Value(None, key),) if key else ()
    return RowChange(values, MarkerKind.LIVE, 5, None, deleted_at_us, False, cells)


def _change(*rows: RowChange, table: Table | None = _TABLE) -> PartitionChange:
    return PartitionChange(
        table=table,
        table_id=UUID(int=7),
        schema_version=UUID(int=8),
        key=(Value("Dubai", "'Dubai'"),),
        rows=rows,
    )


def test_row_has_its_clustering_key_in_brackets() -> None:
    text = _change(_row(_cell("height", "828"))).text
    assert text == "demo3.buildings_by_city('Dubai') ['Burj Khalifa'] height=828"


def test_row_of_a_table_without_clustering_key_has_no_brackets() -> None:
    assert _change(_row(_cell("a", "1"), key="")).text == "demo3.buildings_by_city('Dubai') a=1"
    assert _change(_row(key="")).text == "demo3.buildings_by_city('Dubai')"


def test_rows_are_separated_by_semicolons() -> None:
    text = _change(_row(key="1", deleted_at_us=5), _row(_cell("a", "1"), key="2")).text
    assert text == "demo3.buildings_by_city('Dubai') [1] deleted; [2] a=1"


def test_unknown_table_is_named_by_its_id() -> None:
    change = _change(table=None)
    assert change.table_name == "00000000-0000-0000-0000-000000000007"
    assert change.text == "00000000-0000-0000-0000-000000000007('Dubai') unchanged"


def test_different_ttls_stand_with_their_cells() -> None:
    cells = (_cell("a", "1", ttl_s=60), _cell("b", "2", ttl_s=90), _cell("c", "3"))
    text = _change(_row(*cells, key="1")).text
    assert text == "demo3.buildings_by_city('Dubai') [1] a=1 ttl=60s b=2 ttl=90s c=3"


def test_batch_shows_what_it_holds() -> None:
    batch = PartitionChange(
        table=Table(keyspace="system", name="batchlog"),
        table_id=UUID(int=1),
        schema_version=UUID(int=8),
        key=(Value(UUID(int=9), "9"),),
        rows=(_row(_cell("data", "0x00"), key=""),),
        batched=(_change(_row(_cell("a", "1"), key="")),) * 3,
    )
    assert batch.text_of(rows_max=2) == (
        "system.batchlog(9) batch {demo3.buildings_by_city('Dubai') a=1; "
        "demo3.buildings_by_city('Dubai') a=1}; 1 more"
    )
