"""A machine elsewhere, for engines: namespaces of its own, and a cable to this machine.

Nothing of it outlives the process that has made it: all its processes end with its first one, which ends with us; its
disk is in memory, its bridges are in its own network.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from harness.backends.docker.engine import Engine
from harness.backends.network.syscalls import die_with_parent
from harness.waiting import wait_until

DISK = "/var/lib/docker"
DOCKER_PORT = 2376
SSH_PORT = 2222
_CABLES = IPv4Network("198.51.100.0/24")
"""One of those for examples (RFC 5737), of which a cable takes four addresses."""
_START_TIMEOUT_S = 60.0
_NAME = "wire-elsewhere-"
"""Behind it stands whose: the number of a process."""
_CGROUPS = Path("/sys/fs/cgroup")
_LISTENS = b"API listen on"
_NEEDED = ("dockerd", "unshare", "nsenter", "ip", "openssl")
_FIRST_PROCESS = f"""
set -e
mount --make-rprivate /
mkdir -p "$1/cgroup"
mount --rbind /sys/fs/cgroup "$1/cgroup"
mount -t sysfs sysfs /sys
mount --rbind "$1/cgroup" /sys/fs/cgroup
mount -t proc proc /proc
for folder in /run /root /etc/docker; do mkdir -p $folder; mount -t tmpfs tmpfs $folder; done
chmod 700 /root
mkdir -p {DISK} /run/sshd
mount -t tmpfs -o size=1200m tmpfs {DISK}
printf 'daemon:100000:65536\\n' >"$1/subordinate"
for file in /etc/subuid /etc/subgid; do
    if [ -e $file ]; then mount --bind "$1/subordinate" $file; fi
done
ip link set lo up
echo ready
# Whoever has lost its parent is waited for by this shell.
while sleep 1; do :; done
"""


class Elsewhere:
    """A machine; its root is this machine's.

    Args:
        folder: for files that both see.
        process: ``unshare``, which ends with us.
        cable: the subnet of it.
    """

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]", cable: IPv4Network) -> None:
        self.folder = folder
        self._process = process
        self._cable = cable
        (self._first,) = (
            int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        )
        self._servers: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        """Where it is reached."""
        return str(self._cable[2])

    def environment(self, who: str = "client") -> dict[str, str]:
        """How to reach its engine by TLS, as ``client`` or ``stranger``."""
        return {
            "DOCKER_HOST": f"tcp://{self.address}:{DOCKER_PORT}",
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": str(self.folder / who),
        }

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """Its engine, whatever the environment names."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment().items():
                patch.setenv(name, value)
            engine = Engine.connect()
        try:
            yield engine
        finally:
            engine.close()

    def run(self, *command: str, text: str | None = None) -> str:
        """Run a program there; return what it says."""
        return subprocess.run(
            self._inside(command), input=text, check=True, capture_output=True, text=True
        ).stdout

    def path(self, there: str) -> Path:
        """A file of its own, as it is called here."""
        return Path(f"/proc/{self._first}/root{there}")

    def serve(self, *command: str) -> Path:
        """Start a program there that goes on; return what it writes to."""
        log = self.folder / f"{Path(command[0]).name}.log"
        with log.open("wb") as output:
            self._servers.append(
                subprocess.Popen(
                    self._inside(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output
                )
            )
        return log

    def start_engine(self, *options: str) -> None:
        """Start dockerd, on its own socket, and by TLS for those who have a certificate; skips where it does not start."""
        make_certificates(self.folder, self.address)
        server = self.folder / "server"
        log = self.serve(
            *("dockerd", "--data-root", DISK, "--cgroup-parent", f"/{self._control_group}"),
            *("--exec-opt", "native.cgroupdriver=cgroupfs", "--host", "unix:///var/run/docker.sock"),
            *("--host", f"tcp://{self.address}:{DOCKER_PORT}", "--tlsverify", "--tlscacert", f"{server}/ca.pem"),
            *("--tlscert", f"{server}/cert.pem", "--tlskey", f"{server}/key.pem", *options),
        )  # fmt: skip
        dockerd = self._servers[-1]
        # On both.
        wait_until(
            lambda: log.read_bytes().count(_LISTENS) == 2 or dockerd.poll() is not None,
            timeout_s=_START_TIMEOUT_S,
        )
        if log.read_bytes().count(_LISTENS) != 2:
            lines = log.read_text(errors="replace").splitlines()
            pytest.skip(f"dockerd does not start in namespaces: {lines[-1] if lines else 'no word'}")

    def kill_engine(self) -> None:
        """End dockerd without a word."""
        self.run("pkill", "-KILL", "-x", "dockerd")

    def start_sshd(self) -> "Keys":
        """Let root log in with a key, by OpenSSH or Dropbear; skips where there is neither."""
        for program in ("ssh", "ssh-keygen", "docker"):
            if shutil.which(program) is None:
                pytest.skip(f"no way by ssh without {program}")
        keys = Keys(self.folder / "keys", f"[{self.address}]:{SSH_PORT}")
        # In a folder of root alone, as servers want it.
        self.run(
            "sh", "-c", "umask 077; mkdir /root/.ssh; cat >/root/.ssh/authorized_keys", text=keys.public_key
        )
        if shutil.which("sshd") is not None:
            # By its full path, which it starts again for each connection.
            log = self.serve(
                *(str(shutil.which("sshd")), "-D", "-e", "-f", "/dev/null", "-p", str(SSH_PORT)),
                *("-h", str(keys.host_key), "-o", "PidFile=none", "-o", "UsePAM=no"),
                *("-o", "PasswordAuthentication=no", "-o", "KbdInteractiveAuthentication=no"),
            )
            ready = "Server listening"
        elif shutil.which("dropbear") is not None:
            self.run(
                "dropbearconvert", "openssh", "dropbear", str(keys.host_key), f"{keys.host_key}.dropbear"
            )
            log = self.serve(
                *("dropbear", "-F", "-E", "-s", "-p", str(SSH_PORT), "-P", "/run/dropbear.pid"),
                *("-r", f"{keys.host_key}.dropbear"),
            )
            ready = "Not backgrounding"
        else:
            pytest.skip("no ssh server: apt install dropbear-bin, or openssh-server")
        if not wait_until(lambda: ready in log.read_text(), timeout_s=_START_TIMEOUT_S):
            pytest.skip(f"the ssh server does not start: {log.read_text()}")
        return keys

    def close(self) -> None:
        """End all its processes, and remove what is left of them here."""
        self._process.kill()
        self._process.wait()
        for server in self._servers:
            server.wait()
        _remove_control_groups(self._control_group)

    @property
    def _control_group(self) -> str:
        return self.folder.name

    def _inside(self, command: tuple[str, ...]) -> list[str]:
        return ["nsenter", "--mount", "--net", "--pid", "--ipc", "-t", str(self._first), *command]


@contextmanager
def machine_elsewhere() -> Iterator[Elsewhere]:
    """Make a machine, without an engine; skips where that cannot be."""
    if os.geteuid() != 0:
        pytest.skip("a machine in namespaces takes root")
    for program in _NEEDED:
        if shutil.which(program) is None:
            pytest.skip(f"a machine in namespaces takes {program}")
    _remove_left_over()
    with tempfile.TemporaryDirectory(prefix=f"{_NAME}{os.getpid()}-", dir="/tmp") as name:
        process = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child=SIGKILL",
             "sh", "-c", _FIRST_PROCESS, "sh", name],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=die_with_parent,  # noqa: PLW1509  (one system call, no locks)
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stdout, process.stderr:
            try:
                if process.stdout.readline() != b"ready\n":
                    said = process.stderr.read().decode(errors="replace").strip()
                    pytest.skip(f"no machine can be made in namespaces: {said}")
                machine = Elsewhere(Path(name), process, _free_cable())
                try:
                    _join(machine)
                    yield machine
                finally:
                    machine.close()
            finally:
                process.kill()
                process.wait()


class Keys:
    """Of ssh.

    Args:
        folder: that they are made in.
        host: the server, as ssh calls it.
    """

    def __init__(self, folder: Path, host: str) -> None:
        self._folder = folder
        folder.mkdir()
        for name in ("host", "client", "stranger"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name], check=True
            )
        for known, key in (("known", "host"), ("changed", "stranger")):
            (folder / known).write_text(f"{host} {(folder / f'{key}.pub').read_text()}")
        (folder / "unknown").touch()

    @property
    def host_key(self) -> Path:
        """The server's own."""
        return self._folder / "host"

    @property
    def public_key(self) -> str:
        """Of the client that may log in."""
        return (self._folder / "client.pub").read_text()

    def path_with_ssh(self, *, key: str = "client", hosts: str = "known") -> str:
        """A PATH whose ``ssh`` is that of somebody who has one of the keys and knows some hosts.

        The real one finds its files by the user's entry in the system's list, which no variable changes.
        """
        folder = self._folder / f"{key}-{hosts}"
        folder.mkdir(exist_ok=True)
        configuration, program = folder / "config", folder / "ssh"
        configuration.write_text(
            f"Host *\n  IdentityFile {self._folder / key}\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self._folder / hosts}\n  GlobalKnownHostsFile /dev/null\n"
        )
        program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {configuration} "$@"\n')
        program.chmod(0o755)
        return f"{folder}{os.pathsep}{os.environ['PATH']}"


def make_certificates(folder: Path, address: str) -> None:
    """Make folders ``server`` and ``client``, which know each other, and ``stranger``, whom neither knows."""
    for who, authority in (("ours", "ours"), ("theirs", "theirs")):
        _openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-subj", f"/CN={authority}", "-keyout", f"{who}.key", "-out", f"{who}.pem", "-days", "2")  # fmt: skip
    for who, authority, more in (
        ("server", "ours", f"subjectAltName=IP:{address}"),
        ("client", "ours", "extendedKeyUsage=clientAuth"),
        ("stranger", "theirs", "extendedKeyUsage=clientAuth"),
    ):
        (folder / who).mkdir()
        _openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-subj", f"/CN={who}", "-keyout", f"{who}/key.pem", "-out", f"{who}/cert.pem", "-days", "2",
                 "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-addext", more,
                 "-addext", "basicConstraints=critical,CA:FALSE")  # fmt: skip
        shutil.copy(folder / f"{authority}.pem", folder / who / "ca.pem")


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def _join(machine: Elsewhere) -> None:
    near, far = f"wire-n{machine._process.pid}", "far0"
    here = [
        ["ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", str(machine._first)],
        ["ip", "address", "add", f"{machine._cable[1]}/30", "dev", near],
        ["ip", "link", "set", near, "up"],
    ]
    for command in here:
        subprocess.run(command, check=True, capture_output=True)
    machine.run("ip", "address", "add", f"{machine.address}/30", "dev", far)
    machine.run("ip", "link", "set", far, "up")


def _free_cable() -> IPv4Network:
    routes = subprocess.run(["ip", "-4", "route"], check=True, capture_output=True, text=True).stdout
    cables = list(_CABLES.subnets(new_prefix=30))
    # Others who look at the same moment begin elsewhere.
    start = os.getpid() % len(cables)
    for cable in (*cables[start:], *cables[:start]):
        if str(cable) not in routes:
            return cable
    pytest.skip(f"all of {_CABLES} is in use")


def _remove_left_over() -> None:
    """Remove empty control groups and files of those who were killed."""
    for path in (*Path("/tmp").glob(f"{_NAME}*"), *_CGROUPS.glob(f"{_NAME}*"), *_CGROUPS.glob(f"*/{_NAME}*")):
        owner = path.name.removeprefix(_NAME).partition("-")[0]
        if not Path("/proc", owner).exists():
            _remove_control_groups(path.name)
            shutil.rmtree(Path("/tmp", path.name), ignore_errors=True)


def _remove_control_groups(name: str) -> None:
    """Remove what dockerd leaves when it is killed."""

    def is_removed(group: Path) -> bool:
        for folder, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        return not group.exists()

    for group in (_CGROUPS / name, *_CGROUPS.glob(f"*/{name}")):
        # Until the last process is gone.
        wait_until(lambda group=group: is_removed(group), timeout_s=5)  # type: ignore[misc]
