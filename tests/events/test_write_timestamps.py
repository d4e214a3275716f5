from pathlib import Path

from harness.events.statement_scope import StatementScopes
from harness.events.write_timestamps import write_timestamps
from harness.expect.base_writes import write_of
from tests.expect.captured import captured


def test_write_timestamps_are_those_that_clients_chose(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/base/write_rf3")
    scopes = StatementScopes(trace)
    for message in trace:
        write, owner = write_of(message), scopes.owner_of(message)
        if write is not None and owner is not None:
            # A collection that is overwritten is deleted one microsecond earlier.
            assert max(write_timestamps(write[1])) == owner.parts[0].write_timestamp_us
