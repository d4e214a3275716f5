from pathlib import Path

import pytest

from harness.backends.replay.captures import captures_named
from harness.errors import BackendError
from tests.written.written_capture import NAME, write_demo


def test_captures_are_found_by_name_below_a_folder(tmp_path: Path) -> None:
    for place in ("b", "a/c", "."):
        write_demo(tmp_path / place)
    write_demo(tmp_path / "b", "other")
    found = [path.relative_to(tmp_path).as_posix() for path in captures_named(tmp_path, NAME)]
    assert found == ["a/c/lwt_insert_twice.pcapng", "b/lwt_insert_twice.pcapng", "lwt_insert_twice.pcapng"]


def test_a_name_that_no_capture_has_is_refused_with_the_nearest(tmp_path: Path) -> None:
    write_demo(tmp_path)
    with pytest.raises(
        BackendError, match=r"named lwt_insert_trice; did you mean lwt_insert_twice\?\nit holds"
    ):
        captures_named(tmp_path, "lwt_insert_trice")
    with pytest.raises(BackendError, match=r"named counter\nit holds: lwt_insert_twice"):
        captures_named(tmp_path, "counter")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BackendError, match=r"holds no captures \(\.pcapng or \.pcap\)"):
        captures_named(tmp_path / "empty", NAME)
    with pytest.raises(BackendError, match="is no folder, and no file"):
        captures_named(tmp_path / "nowhere", NAME)
