import subprocess
import sys
from pathlib import Path

from harness.backends.docker.temporary_folder import left_over_folders, make_folder, remove_folder


def test_folder_of_this_process_is_not_left_over() -> None:
    folder = make_folder()
    try:
        assert folder.is_dir()
        assert folder not in left_over_folders()
    finally:
        remove_folder(folder)
    assert not folder.exists()


def test_folder_of_an_ended_process_is_left_over() -> None:
    script = "from harness.backends.docker.temporary_folder import make_folder; print(make_folder())"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    folder = Path(said.strip())
    assert folder in left_over_folders()
    remove_folder(folder)
