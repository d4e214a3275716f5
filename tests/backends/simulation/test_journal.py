from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.backends.simulation.journal import FileJournal, NoJournal, RecordKind
from harness.errors import BackendError

RECORDS = [(RecordKind.MUTATION, b"\x00\x01"), (RecordKind.HINT, b""), (RecordKind.NODE, b"x" * 300)]


def written(path: Path) -> bytes:
    journal = FileJournal(path)
    for kind, data in RECORDS:
        journal.append(kind, data)
    # Read before it is closed: what was appended is with the kernel.
    data = path.read_bytes()
    journal.close()
    return data


def read(path: Path) -> list[tuple[RecordKind, bytes]]:
    journal = FileJournal(path)
    journal.close()
    return list(journal.records())


def test_records_stand_as_described(tmp_path: Path) -> None:
    data = written(tmp_path / "journal")
    assert data[:12].hex() == "030000000100010100000004"
    assert read(tmp_path / "journal") == RECORDS


def test_file_cut_anywhere_gives_the_records_that_are_whole(tmp_path: Path) -> None:
    data = written(tmp_path / "journal")
    ends = [7, 12, len(data)]
    for size in range(len(data)):
        path = tmp_path / "cut"
        path.write_bytes(data[:size])
        assert read(path) == RECORDS[: sum(end <= size for end in ends)]


def test_what_was_cut_short_does_not_spoil_what_comes(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(written(path)[:-1])
    journal = FileJournal(path)
    journal.append(RecordKind.BATCH, b"new")
    journal.close()
    assert read(path) == [*RECORDS[:2], (RecordKind.BATCH, b"new")]


def test_records_of_this_run_are_none_of_an_earlier_one(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "journal")
    journal.append(RecordKind.BATCH, b"new")
    assert list(journal.records()) == []
    journal.close()


@given(data=st.binary(max_size=200))
def test_garbage_is_refused_or_cut_short(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal"
    path.write_bytes(data)
    with suppress(BackendError):
        assert sum(5 + len(record) for _, record in read(path)) <= len(data)


def test_file_of_something_else_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(bytes(20))
    with pytest.raises(BackendError, match="journal is no journal of a node"):
        read(path)


def test_no_journal_keeps_nothing() -> None:
    journal = NoJournal()
    journal.append(RecordKind.BATCH, b"x")
    assert list(journal.records()) == []


def test_a_rewritten_journal_has_the_new_records_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    written(path)
    journal = FileJournal(path)
    journal.rewrite(iter([(RecordKind.NODE, b"new")]))
    journal.append(RecordKind.HINT, b"h")
    assert journal.size_bytes == path.stat().st_size
    journal.close()
    assert read(path) == [(RecordKind.NODE, b"new"), (RecordKind.HINT, b"h")]


def test_a_journal_that_cannot_be_rewritten_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    written(path)
    journal = FileJournal(path)

    def fails() -> Iterator[tuple[RecordKind, bytes]]:
        yield RecordKind.NODE, b"new"
        raise BackendError("no")

    with pytest.raises(BackendError):
        journal.rewrite(fails())
    journal.close()
    assert read(path) == RECORDS
