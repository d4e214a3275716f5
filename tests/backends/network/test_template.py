import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.backends.network.keeper import Keeper
from harness.backends.network.process_identity import ProcessIdentity
from harness.backends.network.template import Template
from harness.errors import BackendError
from harness.waiting import wait_until

pytestmark = pytest.mark.namespaces

TIMEOUT_S = 20

PROGRAM = """
import os, sys, time
print("loaded", os.getpid(), flush=True)
def prepare():
    print("prepared", os.getpid(), flush=True)
def main(arguments):
    print(*arguments, os.readlink("/proc/self/ns/net"), os.getsid(0) == os.getpid(), sys.stdin.read(), flush=True)
    if arguments[0] == "fail":
        raise ValueError("nothing works")
    if arguments[0] == "stay":
        time.sleep(1000)
    return len(arguments)
"""


@pytest.fixture
def template(keeper: Keeper, tmp_path: Path) -> Iterator[Template]:
    (tmp_path / "program_to_copy.py").write_text(PROGRAM)
    template = template_of(keeper, tmp_path, "program_to_copy")
    yield template
    template.close()


def template_of(keeper: Keeper, folder: Path, module: str) -> Template:
    paths = os.pathsep.join([str(folder), *filter(None, sys.path)])
    return Template(keeper, module, log=folder / "template.log", environment={"PYTHONPATH": paths})


def test_copies_of_what_is_loaded_once_run_in_their_namespaces(
    keeper: Keeper, template: Template, tmp_path: Path
) -> None:
    namespace, descriptor = keeper.add_namespace()
    inode = os.fstat(descriptor).st_ino
    os.close(descriptor)
    log = tmp_path / "log"
    for arguments in (["one"], ["one", "two"]):
        copy = template.start(namespace, arguments, name="n1", log=log)
        assert wait_until(lambda: keeper.exit_code(copy) is not None, timeout_s=TIMEOUT_S)  # noqa: B023
        assert keeper.exit_code(copy) == len(arguments)
    assert log.read_text() == f"one net:[{inode}] True \none two net:[{inode}] True \n"
    loaded, prepared = (tmp_path / "template.log").read_text().splitlines()
    assert loaded.split()[1] == prepared.split()[1]


def test_a_copy_is_known_by_its_name_and_ends_like_a_program(
    keeper: Keeper, template: Template, tmp_path: Path
) -> None:
    copy = template.start(keeper.hub, ["stay"], name="n7", log=tmp_path / "log")
    assert Path(f"/proc/{copy.pid}/comm").read_text() == "n7\n"
    # Whose network it is of.
    assert str(tmp_path) in Path(f"/proc/{copy.pid}/cmdline").read_text().split("\0")
    assert keeper.exit_code(copy) is None
    template.close()
    assert keeper.exit_code(copy) is None
    keeper.signal(copy, signal.SIGKILL)
    assert wait_until(lambda: keeper.exit_code(copy) == -signal.SIGKILL, timeout_s=TIMEOUT_S)


def test_a_copy_that_fails_says_so(keeper: Keeper, template: Template, tmp_path: Path) -> None:
    copy = template.start(keeper.hub, ["fail"], name="n1", log=tmp_path / "log")
    assert wait_until(lambda: keeper.exit_code(copy) == 1, timeout_s=TIMEOUT_S)
    assert (tmp_path / "log").read_text().endswith("ValueError: nothing works\n")


def test_a_copy_behind_a_gate_begins_when_that_opens(
    keeper: Keeper, template: Template, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    gate, opener = os.pipe()
    copy = template.start(keeper.hub, ["one"], name="n1", log=log, gate=gate)
    os.close(gate)
    assert Path(f"/proc/{copy.pid}/comm").read_text() == "n1\n"
    assert log.read_text() == ""
    os.write(opener, b"\0")
    os.close(opener)
    assert wait_until(lambda: keeper.exit_code(copy) == 1, timeout_s=TIMEOUT_S)
    assert log.read_text().startswith("one ")


def test_a_copy_behind_a_gate_that_nobody_can_open_ends(
    keeper: Keeper, template: Template, tmp_path: Path
) -> None:
    gate, opener = os.pipe()
    copy = template.start(keeper.hub, ["one"], name="n1", log=tmp_path / "log", gate=gate)
    os.close(gate)
    os.close(opener)
    assert wait_until(lambda: keeper.exit_code(copy) == 0, timeout_s=TIMEOUT_S)
    assert (tmp_path / "log").read_text() == ""


def test_copies_end_with_the_keeper(keeper: Keeper, template: Template, tmp_path: Path) -> None:
    copy = ProcessIdentity.of(template.start(keeper.hub, ["stay"], name="n1", log=tmp_path / "log").pid)
    assert copy is not None
    keeper.close()
    assert copy.has_ended()


def test_a_program_that_cannot_be_loaded_says_why(keeper: Keeper, tmp_path: Path) -> None:
    (tmp_path / "broken_program.py").write_text("import no_such_module\n")
    template = template_of(keeper, tmp_path, "broken_program")
    with pytest.raises(BackendError, match="broken_program cannot be loaded") as caught:
        template.start(keeper.hub, [], name="n1", log=tmp_path / "log")
    assert str(caught.value).endswith("ModuleNotFoundError: No module named 'no_such_module'")
    template.close()


def test_a_log_that_cannot_be_opened_is_named(keeper: Keeper, template: Template) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-place"):
        template.start(keeper.hub, ["one"], name="n1", log=Path("/no-such-place/log"))
