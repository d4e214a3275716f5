from pathlib import Path

import pytest

from harness.clusters import Choice, known_backends, open_cluster
from harness.errors import BackendError, CaptureError
from tests.written.written_capture import write_demo


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
