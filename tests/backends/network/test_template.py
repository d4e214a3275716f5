import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.backends.network.keeper import Keeper
from harness.backends.network.process_identity import ProcessIdentity
from harness.backends.network.template import Template, template_of
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
    if arguments[0] == "say":
        os.write(int(arguments[1]), b"said")
    if arguments[0] == "stay":
        time.sleep(1000)
    return len(arguments)
"""


@pytest.fixture
def template(tmp_path: Path) -> Iterator[Template]:
    (tmp_path / "program_to_copy.py").write_text(PROGRAM)
    template = Template("program_to_copy", environment=environment_with(tmp_path))
    yield template
    template.close()


def environment_with(folder: Path) -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)])}


def test_copies_of_what_is_loaded_once_run_in_their_namespaces(
    keeper: Keeper, template: Template, tmp_path: Path
) -> None:
    namespace, descriptor = keeper.add_namespace()
    inode = os.fstat(descriptor).st_ino
    os.close(descriptor)
    log = tmp_path / "log"
    for arguments in (["one"], ["one", "two"]):
        copy = template.start(keeper, namespace, arguments, name="n1", log=log)
        assert wait_until(lambda: keeper.exit_code(copy) is not None, timeout_s=TIMEOUT_S)  # noqa: B023
        assert keeper.exit_code(copy) == len(arguments)
    assert log.read_text() == f"one net:[{inode}] True \none two net:[{inode}] True \n"


def test_it_is_loaded_and_prepared_once_for_all_networks(template: Template, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for number in range(2):
        with (tmp_path / "lease").open("wb") as lease:
            keeper = Keeper(lease_descriptor=lease.fileno(), log=tmp_path / "keeper.log")
            copy = template.start(keeper, keeper.hub, ["stay"], name=f"n{number}", log=log)
            identity = ProcessIdentity.of(copy.pid)
            assert identity is not None
            keeper.close()
            assert identity.has_ended()
    assert template.is_usable
    loaded, prepared = os.pread(template._log, 1000, 0).decode().splitlines()
    assert loaded.split()[1] == prepared.split()[1]


def test_the_template_of_a_program_is_kept_until_its_environment_changes(tmp_path: Path) -> None:
    (tmp_path / "program_to_copy.py").write_text(PROGRAM)
    environment = environment_with(tmp_path)
    first = template_of("program_to_copy", environment=environment)
    assert template_of("program_to_copy", environment=dict(environment)) is first
    second = template_of("program_to_copy", environment={**environment, "MORE": "1"})
    assert second is not first
    assert not first.is_usable
    second.close()
    third = template_of("program_to_copy", environment={**environment, "MORE": "1"})
    assert third.is_usable
    third.close()


def test_it_ends_with_the_process_that_made_it(tmp_path: Path) -> None:
    (tmp_path / "program_to_copy.py").write_text(PROGRAM)
    program = (
        "import os, signal; from harness.backends.network.template import Template; "
        "template = Template('program_to_copy', environment=dict(os.environ)); "
        "print(template._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        env={**os.environ, **environment_with(tmp_path)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    identity = ProcessIdentity.of(int(done.stdout))
    assert identity is None or wait_until(identity.has_ended, timeout_s=TIMEOUT_S)


def test_a_copy_is_known_by_its_name_and_ends_like_a_program(
    keeper: Keeper, template: Template, tmp_path: Path
) -> None:
    copy = template.start(keeper, keeper.hub, ["stay"], name="n7", log=tmp_path / "log")
    assert Path(f"/proc/{copy.pid}/comm").read_text() == "n7\n"
    # Whose it is.
    assert f"of={os.getpid()}" in Path(f"/proc/{copy.pid}/cmdline").read_text().split("\0")
    assert keeper.exit_code(copy) is None
    template.close()
    assert keeper.exit_code(copy) is None
    keeper.signal(copy, signal.SIGKILL)
    assert wait_until(lambda: keeper.exit_code(copy) == -signal.SIGKILL, timeout_s=TIMEOUT_S)


def test_a_copy_that_fails_says_so(keeper: Keeper, template: Template, tmp_path: Path) -> None:
    copy = template.start(keeper, keeper.hub, ["fail"], name="n1", log=tmp_path / "log")
    assert wait_until(lambda: keeper.exit_code(copy) == 1, timeout_s=TIMEOUT_S)
    assert (tmp_path / "log").read_text().endswith("ValueError: nothing works\n")


def test_a_copy_gets_a_descriptor_whose_number_stands_behind_its_arguments(
    keeper: Keeper, template: Template, tmp_path: Path
) -> None:
    reader, writer = os.pipe()
    copy = template.start(keeper, keeper.hub, ["say"], name="n1", log=tmp_path / "log", passed=writer)
    os.close(writer)
    assert os.read(reader, 100) == b"said"
    assert os.read(reader, 100) == b""
    os.close(reader)
    assert wait_until(lambda: keeper.exit_code(copy) == 2, timeout_s=TIMEOUT_S)


def test_copies_end_with_the_keeper(keeper: Keeper, template: Template, tmp_path: Path) -> None:
    copy = ProcessIdentity.of(
        template.start(keeper, keeper.hub, ["stay"], name="n1", log=tmp_path / "log").pid
    )
    assert copy is not None
    keeper.close()
    assert copy.has_ended()


def test_a_program_that_cannot_be_loaded_says_why(keeper: Keeper, tmp_path: Path) -> None:
    (tmp_path / "broken_program.py").write_text("import no_such_module\n")
    template = Template("broken_program", environment=environment_with(tmp_path))
    with pytest.raises(BackendError, match="broken_program cannot be loaded") as caught:
        template.start(keeper, keeper.hub, [], name="n1", log=tmp_path / "log")
    assert str(caught.value).endswith("ModuleNotFoundError: No module named 'no_such_module'")
    assert not template.is_usable


def test_a_log_that_cannot_be_opened_is_named(keeper: Keeper, template: Template) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-place"):
        template.start(keeper, keeper.hub, ["one"], name="n1", log=Path("/no-such-place/log"))
