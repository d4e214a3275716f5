import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from harness.backends.network.interfaces import Interfaces
from harness.backends.network.lease import Lease
from harness.backends.network.network import Network
from harness.errors import BackendError
from harness.waiting import wait_until
from tests.backends.network.networks import (
    connection,
    interfaces_with,
    listening,
    own_subnet,
    receive,
    skip_without_root,
    written_on_interfaces,
)

pytestmark = pytest.mark.namespaces


def test_nodes_reach_each_other_at_their_addresses(network: Network) -> None:
    assert [node.name for node in network.nodes] == ["n1", "n2", "n3"]
    assert [node.address.rpartition(".")[2] for node in network.nodes] == ["1", "2", "3"]
    for client, server in (("n1", "n2"), ("n3", "n1")):
        with connection(network, client, server) as (near, far):
            assert near.getsockname()[0] == network.node(client).address
            near.sendall(b"hello")
            assert receive(far, 5) == b"hello"


def test_the_client_reaches_nodes_and_is_seen_at_its_address(network: Network) -> None:
    with listening(network, "n2", 9042) as listener, network.client.socket() as near:
        near.settimeout(10)
        near.connect((network.node("n2").address, 9042))
        far, (address, _) = listener.accept()
        far.close()
    assert address == network.client.address


def test_any_program_reaches_nodes_behind_the_prefix(network: Network) -> None:
    program = "import socket, sys; socket.create_connection((sys.argv[1], 9042), timeout=10).close()"
    address = network.node("n2").address
    with listening(network, "n2", 9042):
        subprocess.run(
            [
                *network.client.command_prefix,
                sys.executable,
                "-c",
                program,
                address,
            ],
            check=True,
        )


def test_nodes_reach_nothing_but_each_other(network: Network, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert network.node("n1").start(["ip", "-4", "route"], log=log).wait(timeout_s=10) == 0
    assert log.read_text().splitlines() == [
        f"{network.subnet} dev eth0 proto kernel scope link src {network.node('n1').address} "
    ]


def test_addresses_show_in_hardware_addresses(network: Network, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert network.node("n3").start(["cat", "/sys/class/net/eth0/address"], log=log).wait(timeout_s=10) in (
        0,
        1,
    )
    expected = "02:00:" + ":".join(f"{int(part):02x}" for part in network.node("n3").address.split("."))
    assert network.node("n3").start(["ip", "link", "show", "eth0"], log=log).wait(timeout_s=10) == 0
    assert expected in log.read_text()


def test_two_networks_at_once_do_not_collide(state_folder: Path) -> None:
    with (
        Network.create(2, state_folder=state_folder) as one,
        Network.create(2, state_folder=state_folder) as two,
    ):
        assert one.subnet != two.subnet
        assert one.name != two.name
        assert one.folder != two.folder
        with (
            connection(one, "n1", "n2") as (near, far),
            connection(two, "n1", "n2") as (other_near, other_far),
        ):
            near.sendall(b"one")
            other_near.sendall(b"two")
            assert (receive(far, 3), receive(other_far, 3)) == (b"one", b"two")
        with (
            listening(two, "n2", 7001) as listener,
            one.node("n1").socket() as near,
            pytest.raises(OSError, match="unreachable"),
        ):
            near.connect(listener.getsockname())


def test_what_the_machine_uses_is_skipped(
    network: Network, state_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    skip_without_root(network)
    subnets = own_subnet(23)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    # Their leases are in different folders: only the route of the other one's interface tells.
    with (
        Network.create(0, state_folder=elsewhere, subnets=subnets) as one,
        Network.create(0, state_folder=state_folder, subnets=subnets) as two,
    ):
        assert [one.subnet, two.subnet] == [*subnets.subnets(new_prefix=24)]
        with pytest.raises(BackendError, match=f"all networks of {subnets} are in use"):
            Network.create(0, state_folder=state_folder, subnets=subnets)


def test_a_name_that_was_taken_a_moment_ago_is_skipped(
    network: Network, state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without_root(network)
    monkeypatch.setattr(Interfaces, "busy_networks", lambda _: ())
    subnets = network.subnet.supernet(new_prefix=20)
    with Network.create(0, state_folder=state_folder, subnets=subnets) as other:
        assert other.subnet != network.subnet
        assert len(list(state_folder.iterdir())) == 1


def test_all_subnets_in_use_is_an_error_that_says_what_to_do(state_folder: Path) -> None:
    subnet = IPv4Network("198.19.255.0/24")
    state_folder.mkdir()
    lease = Lease.take(state_folder, subnet)
    assert lease is not None
    with pytest.raises(BackendError, match=r"leases in .*state.*harness clean"):
        Network.create(0, state_folder=state_folder, subnets=subnet)
    lease.release()


def test_nothing_is_left_of_a_network_that_was_closed(state_folder: Path, tmp_path: Path) -> None:
    with Network.create(2, state_folder=state_folder) as network:
        process = network.node("n1").start(["sleep", "1000"], log=tmp_path / "log")
        assert network.folder.is_dir()
        written = written_on_interfaces(state_folder)
        assert bool(interfaces_with(written)) == network.client.is_host
    assert not interfaces_with(written)
    assert not network.folder.exists()
    assert not list(state_folder.iterdir())
    assert not Path(f"/proc/{process.pid}").exists()
    network.close()


def test_nothing_is_left_of_a_network_that_could_not_be_made(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added: list[str] = []
    written: set[str] = set()
    add_veth = Interfaces.add_veth

    def fail_at_the_third(self: Interfaces, name: str, **rest: object) -> None:
        added.append(name)
        if len(added) == 3:
            written.update(written_on_interfaces(state_folder))
            raise BackendError("no more")
        add_veth(self, name, **rest)  # type: ignore[arg-type]  # as given

    monkeypatch.setattr(Interfaces, "add_veth", fail_at_the_third)
    with pytest.raises(BackendError, match="no more"):
        Network.create(5, state_folder=state_folder)
    assert written
    assert not interfaces_with(written)
    assert not list(state_folder.iterdir())


def test_names_have_to_be_good_for_interfaces(network: Network) -> None:
    for name in ("", "a node", "../n", "n123456789012345", "client", "n1", network.name):
        with pytest.raises(ValueError, match="cannot be called"):
            network.add_node(name)


def test_a_node_that_does_not_exist_is_named(network: Network) -> None:
    with pytest.raises(BackendError, match="no node n9 here; there are n1, n2, n3"):
        network.node("n9")


ROOTLESS = """
import os, socket, sys
from pathlib import Path
from harness.backends.network.network import Network
from harness.backends.network.template import Template
from tests.backends.network.wrappers import start_wrapped
folder = Path(sys.argv[1]).parent
(folder / "program_of_nobody.py").write_text("import os\\ndef main(arguments): return 40 + os.geteuid()")
template = Template("program_of_nobody", environment={**os.environ, "PYTHONPATH": f"{folder}:{os.environ['PYTHONPATH']}"})
with Network.create(2, state_folder=Path(sys.argv[1])) as network:
    assert network.is_rootless and not network.client.is_host
    address = network.node("n1").address
    with network.node("n1").socket() as listener, network.client.socket() as near:
        listener.bind((address, 9042))
        listener.listen()
        near.connect((address, 9042))
        print("reached from", listener.accept()[0].getpeername()[0])
    network.links.isolate("n1", ["n2"])
    with network.node("n2").socket() as near:
        near.settimeout(0.2)
        try:
            near.connect((address, 9042))
        except TimeoutError:
            print("isolated")
    for words in (["setsid"], ["unshare", "--fork", "--pid"]):
        process, server = start_wrapped(network.node("n2"), words, log=folder / "log")
        process.pause()
        process.resume()
        print("stopped behind", words[0], process.stop(), server.is_alive())
        process, server = start_wrapped(network.node("n2"), words, log=folder / "log")
        process.kill()
        print("killed behind", words[0], process.exit_code(), server.is_alive())
    print("behind the prefix:", *network.client.command_prefix[:1])
    print("a copy ended with", network.node("n1").start_copy(template, [], log=folder / "log").wait(timeout_s=20))
template.close()
"""


@pytest.fixture
def folder_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become nobody")
    # The folders of pytest are root's alone.
    folder = Path(f"/tmp/harness-test-nobody-{os.getpid()}")
    folder.mkdir(mode=0o700)
    os.chown(folder, 65534, 65534)
    yield folder
    shutil.rmtree(folder)


def test_root_is_not_needed_where_users_have_namespaces(namespaces: None, folder_of_nobody: Path) -> None:
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if python is None:
        pytest.skip("needs a Python that everybody may run")
    ended = subprocess.run(
        [
            *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
            *(python, "-c", ROOTLESS, str(folder_of_nobody / "state")),
        ],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join(part for part in [str(Path.cwd()), *sys.path] if part),
            "TMPDIR": str(folder_of_nobody),
        },
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if "Permission denied" in ended.stderr or "No module named" in ended.stderr:
        pytest.skip(f"nobody may not read this Python or the harness: {ended.stderr.splitlines()[-1]}")
    if "cannot make" in ended.stderr:
        pytest.skip(ended.stderr.splitlines()[-1])
    assert ended.stderr == ""
    reached, *rest = ended.stdout.splitlines()
    assert re.fullmatch(r"reached from 198\.1[89]\.\d+\.254", reached)
    # There, who is nobody here is root.
    assert rest == [
        "isolated",
        "stopped behind setsid 0 False",
        "killed behind setsid -9 False",
        "stopped behind unshare 0 False",
        "killed behind unshare -9 False",
        "behind the prefix: nsenter",
        "a copy ended with 40",
    ]
    assert wait_until(lambda: not list((folder_of_nobody / "state").iterdir()), timeout_s=5)


def test_sockets_may_be_of_any_kind(network: Network) -> None:
    with network.client.socket(kind=socket.SOCK_DGRAM) as datagrams:
        assert datagrams.type == socket.SOCK_DGRAM
