from pathlib import Path

import pytest

from harness.clusters import Choice, captures_named, known_backends, open_cluster
from harness.errors import BackendError, CaptureError
from tests.written.written_capture import NAME, write_demo


def test_a_cluster_is_opened_by_its_backends_name(tmp_path: Path) -> None:
    assert "replay" in known_backends()
    opened = open_cluster(Choice(backend="replay", capture=write_demo(tmp_path)))
    assert len(opened.cluster.nodes) == 3
    assert opened.capture is not None
    opened.cluster.close()


def test_a_cluster_of_no_known_kind_is_refused_with_the_kinds() -> None:
    with pytest.raises(BackendError, match=r"no cluster is called 'nodes'; there are: .*replay"):
        open_cluster(Choice(backend="nodes"))
    with pytest.raises(BackendError, match="replay needs a capture"):
        open_cluster(Choice(backend="replay"))


def test_a_capture_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureError):
        open_cluster(Choice(backend="replay", capture=tmp_path / "none.pcapng"))


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
