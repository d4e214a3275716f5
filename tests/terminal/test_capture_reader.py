from pathlib import Path

import pytest

from harness.context import Context, context_to_json
from harness.terminal.capture_reader import CaptureReader, Options, whole_trace
from tests.written.lwt_insert_twice import NAME, capture, context

OPTIONS = Options(context=None, has_context=True, line=None, rpc_ports=(7000,), cql_ports=(9042,))


def test_surroundings_are_known_when_the_first_messages_are(tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.pcapng"
    path.write_bytes(capture())
    path.with_suffix(".json").write_text(context_to_json(context()), encoding="utf-8")
    reader = CaptureReader(str(path), OPTIONS)
    for messages in reader.batches(is_progress_shown=False):
        if messages:
            assert reader.surroundings.started_ns is not None
            assert reader.surroundings.schema.table("demo", "map") is not None


def test_what_is_missing_is_told_at_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cut.pcapng"
    path.write_bytes(capture()[:5003])
    list(CaptureReader(str(path), OPTIONS).batches(is_progress_shown=False))
    assert f"{path} ends too early" in capsys.readouterr().err


def test_whole_trace_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cut.pcapng"
    path.write_bytes(capture()[:5003])
    assert whole_trace(str(path), OPTIONS, Context()).missing.truncated
    assert f"{path} ends too early" in capsys.readouterr().err


def test_capture_of_other_ports_has_no_message_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.pcapng"
    path.write_bytes(capture())
    options = Options(context=None, has_context=False, line=None, rpc_ports=(7777,), cql_ports=(9999, 9998))
    assert not whole_trace(str(path), options, Context()).messages
    assert capsys.readouterr().err == (
        f"harness: {path}: no message on the ports 7777, 9999, 9998; --rpc-port and --cql-port name others\n"
    )
    assert [
        message
        for some in CaptureReader(str(path), options).batches(is_progress_shown=False)
        for message in some
    ] == []
    assert "no message on the ports" in capsys.readouterr().err
