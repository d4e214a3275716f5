"""Captures from files: the context beside them, and what cannot be read."""

from pathlib import Path

import pytest

from harness.context import context_to_json
from harness.dissect.native import NativeDissector
from harness.dissect.reading import CHUNK_BYTES, context_beside, messages_of, read_context, read_trace
from harness.errors import CaptureError, ContextError
from tests.written.lwt_insert_twice import NAME, capture, context


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / f"{NAME}.pcapng"
    path.write_bytes(capture())
    return path


def test_the_context_beside_a_capture_is_taken_by_itself(path: Path) -> None:
    assert context_beside(path) is None
    assert {node.name for node in read_trace(path).topology.nodes} == set()
    path.with_suffix(".json").write_text(context_to_json(context()), encoding="utf-8")
    assert context_beside(path) == path.with_suffix(".json")
    assert {node.name for node in read_trace(path).topology.nodes} == {"n1", "n2", "n3"}


def test_standard_input_has_no_context() -> None:
    assert context_beside("-") is None


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"cannot read .*gone\.pcapng: No such file"):
        read_trace(tmp_path / "gone.pcapng")


def test_a_file_that_is_no_capture_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "text.pcapng"
    path.write_text("these are no packets")
    with pytest.raises(CaptureError, match=r"text\.pcapng is no capture"):
        read_trace(path)


def test_a_broken_context_names_its_file(path: Path) -> None:
    path.with_suffix(".json").write_text("[1, 2")
    with pytest.raises(ContextError, match=rf"{NAME}\.json"):
        read_trace(path)
    with pytest.raises(ContextError, match="cannot read the context"):
        read_context(path.with_name("none.json"))


def test_what_is_good_before_a_broken_block_is_given_first(path: Path) -> None:
    path.write_bytes(capture() + b"\x06\x00\x00\x00\x05\x00\x00\x00" + bytes(40))
    lists = messages_of(path, NativeDissector())
    assert next(lists) == NativeDissector().feed(capture())
    with pytest.raises(CaptureError):
        next(lists)


def test_progress_tells_the_bytes_that_were_read(path: Path) -> None:
    told: list[int] = []
    for _ in messages_of(path, NativeDissector(), progress=told.append):
        pass
    size_bytes = len(capture())
    assert told == [*range(CHUNK_BYTES, size_bytes, CHUNK_BYTES), size_bytes]
