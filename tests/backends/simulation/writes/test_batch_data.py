"""The data of a batch in its log."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.schema.builtin_schema import local_catalog
from harness.backends.simulation.storage.storage import UnknownTableError
from harness.backends.simulation.writes.batch_data import batch_data_of, mutations_of
from harness.codec.verbs.mutation import LiveCell
from harness.codec.verbs.writes import MutationRequest
from harness.errors import DecodeError
from tests.backends.simulation.captured import catalog_of as catalog_of_capture
from tests.backends.simulation.captured import trace_of
from tests.backends.simulation.tables import catalog_of
from tests.backends.simulation.writes.writing import row_of

LOG = local_catalog().table("system", "batchlog")
assert LOG is not None
BEFORE = catalog_of("CREATE TABLE map (id int PRIMARY KEY, country text)")
AFTER = catalog_of("CREATE TABLE map (id int PRIMARY KEY, capital text, country text)")


def is_of_log(body: MutationRequest) -> bool:
    return LOG is not None and body.mutation.table_id == LOG.table.id


def test_a_batch_in_a_capture_of_a_real_cluster_is_read_and_encoded_to_the_same_bytes(
    reference: Path,
) -> None:
    path = reference / "scylla-4.2/base/batch.pcapng"
    catalog = catalog_of_capture(path)
    seen = 0
    for message in trace_of(path).rpc:
        if isinstance(message.body, MutationRequest) and is_of_log(message.body):
            for row in message.body.mutation.partition.rows:
                cell = row.cells.columns[0].cell
                assert isinstance(cell, LiveCell)
                batch = mutations_of(catalog, cell.value)
                assert len(batch) == 3
                assert batch_data_of(catalog, batch) == cell.value
                seen += 1
    assert seen == 2


def test_columns_get_the_ids_that_they_have_now() -> None:
    data = batch_data_of(BEFORE, [row_of(BEFORE, "map", 1, country=b"x")])
    (mutation,) = mutations_of(AFTER, data)
    assert mutation == row_of(AFTER, "map", 1, country=b"x")
    data = batch_data_of(AFTER, [row_of(AFTER, "map", 1, country=b"x", capital=b"y")])
    assert mutations_of(BEFORE, data) == (row_of(BEFORE, "map", 1, country=b"x"),)


def test_a_dropped_table_is_left_out() -> None:
    data = batch_data_of(BEFORE, [row_of(BEFORE, "map", 1, country=b"x")])
    assert mutations_of(Catalog(replace(BEFORE.schema, tables=())), data) == ()


def test_a_batch_of_an_unknown_table_cannot_be_logged() -> None:
    with pytest.raises(UnknownTableError):
        batch_data_of(Catalog(replace(BEFORE.schema, tables=())), [row_of(BEFORE, "map", 1, country=b"x")])


def test_what_is_cut_short_is_an_error() -> None:
    data = batch_data_of(BEFORE, [row_of(BEFORE, "map", 1, country=b"x")])
    for end in (2, len(data) - 1):
        with pytest.raises(DecodeError):
            mutations_of(BEFORE, data[:end])
