from pathlib import Path

import pytest

from harness.backends.executable.options import ExecutableOptions
from harness.backends.executable.version import release_of
from harness.codec.verbs.line import Line
from harness.errors import BackendError


def script(folder: Path, text: str) -> Path:
    path = folder / "scylla"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("said", "line", "boots_together", "has_tablets"),
    [
        ("4.2.4-0.20210324.8e8f6e1", Line.V4_2, True, False),
        ("4.4.0-0.20210315.1", Line.V4_2, False, False),
        ("5.4.9-0.20240703.1", Line.V5_4, False, False),
        ("6.2.3-0.20250119.1", Line.V6_2, False, True),
        ("2024.1.12-0.20241101.1", Line.V5_4, False, False),
        ("2024.2.5-0.20250201.1", Line.V5_4, False, True),
        ("2025.1.15-0.20260101.1", Line.V2025_1, False, True),
    ],
)
def test_version_decides_how_nodes_start(
    tmp_path: Path, said: str, line: Line, boots_together: bool, has_tablets: bool
) -> None:
    release = release_of(ExecutableOptions(executable=script(tmp_path, f"echo {said}")))
    assert (release.text, release.line) == (said, line)
    assert (release.boots_together, release.has_tablets) == (boots_together, has_tablets)


def test_prefix_stands_before_the_executable(tmp_path: Path) -> None:
    path = script(tmp_path, "echo $WANTED")
    assert release_of(ExecutableOptions(executable=path, prefix=("env", "WANTED=5.4.1"))).text == "5.4.1"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("echo 'error while loading shared libraries: libfoo.so' >&2; exit 127", "libfoo.so"),
        ("echo hello", "nodes say that their version is 'hello', which is none that is known"),
        ("true", "which is none that is known"),
    ],
)
def test_what_says_no_version_is_told_with_its_words(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(BackendError, match=why):
        release_of(ExecutableOptions(executable=script(tmp_path, text)))


def test_what_cannot_be_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="--scylla-exe: there is no file /nonexistent/scylla"):
        release_of(ExecutableOptions(executable=Path("/nonexistent/scylla")))
    path = tmp_path / "scylla"
    path.write_text("")
    with pytest.raises(BackendError, match="--scylla-exe wants a program that this user may run"):
        release_of(ExecutableOptions(executable=path))
    with pytest.raises(BackendError, match=r"there is no no-such-wrapper; .*--exe-prefix"):
        release_of(ExecutableOptions(executable=script(tmp_path, "echo 5.4.1"), prefix=("no-such-wrapper",)))


def test_file_is_looked_for_where_the_wrapper_has_its_root(tmp_path: Path) -> None:
    options = ExecutableOptions(
        executable=Path("/usr/bin/scylla"), prefix=("chroot", str(tmp_path), "env", "A=b")
    )
    assert options.root == tmp_path
    with pytest.raises(
        BackendError, match=f"there is no file {tmp_path}/usr/bin/scylla; behind chroot, it is a"
    ):
        release_of(options)


@pytest.mark.parametrize(
    ("prefix", "root"),
    [
        ("env A=b", "/"),
        ("/usr/sbin/chroot --skip-chdir /other env A=b", "/other"),
        ("sudo chroot other", f"{Path.cwd()}/other"),
        ("unshare --root=/other", "/"),
    ],
)
def test_root_is_what_stands_behind_chroot(prefix: str, root: str) -> None:
    assert ExecutableOptions(executable=Path("/scylla"), prefix=tuple(prefix.split())).root == Path(root)


def test_file_that_only_the_wrapper_sees_is_left_to_it(tmp_path: Path) -> None:
    wrapper = script(tmp_path, "echo 5.4.1")
    options = ExecutableOptions(executable=Path("/only/in/there/scylla"), prefix=(str(wrapper),))
    assert release_of(options).text == "5.4.1"
