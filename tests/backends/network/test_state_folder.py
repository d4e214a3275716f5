import os
from pathlib import Path

import pytest

from harness.backends.network.state_folder import default_state_folder, make_state_folder
from harness.errors import BackendError


def test_the_folder_is_for_this_user_alone(tmp_path: Path) -> None:
    make_state_folder(tmp_path / "a" / "b")
    make_state_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_link_that_somebody_has_put_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(BackendError, match="cannot be trusted"):
        make_state_folder(tmp_path / "link")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BackendError, match=r"file/state.*Not a directory"):
        make_state_folder(tmp_path / "file" / "state")


def test_users_have_a_folder_that_the_next_boot_empties(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert default_state_folder() == tmp_path / "scylla-wire-harness"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert default_state_folder().name == "scylla-wire-harness-1000"


def test_root_has_one_folder_however_it_logged_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert tmp_path not in default_state_folder().parents
