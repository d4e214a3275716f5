from pathlib import Path

import pytest

from demo.lwt_insert_twice import NAME, capture, context
from harness.context import context_to_json
from harness.terminal.capture_reader import CaptureReader, Options

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
