"""A container that records where the engine is, and sends what it has recorded back.

Its program starts dumpcap, and obeys lines on its standard input: ``mark HEX`` sends a frame out of the interface,
``signal N`` goes to dumpcap. It ends with dumpcap, and ends dumpcap when nobody is left to read. The interface is told
by its name, or as ``@ADDRESS``: the one that has this IPv4 address.

Source:
    Linux man page netdevice(7), SIOCGIFADDR.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.backends.docker.container_stream import ContainerStream, Sink
from harness.backends.docker.engine import Engine

PROGRAM = """
import fcntl, os, socket, struct, subprocess, sys, threading
told, command = sys.argv[1], sys.argv[2:]
def has_address(name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking, 0x8915, struct.pack("256s", name.encode()))
        except OSError:
            return False
    return socket.inet_ntoa(answer[20:24]) == told[1:]
interface = told
if told.startswith("@"):
    interface = next((name for _, name in socket.if_nameindex() if has_address(name)), told)
    command = [interface if word == told else word for word in command]
try:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
except OSError as error:
    sys.exit(f"the sidecar's image has no {command[0]} that it may run: {error.strerror}")
def obey():
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as packets:
        for line in sys.stdin.buffer:
            what, value = line.split()
            try:
                if what == b"mark":
                    packets.bind((interface, 0))
                    packets.send(bytes.fromhex(value.decode()))
                else:
                    child.send_signal(int(value))
            except OSError as error:
                sys.stderr.write(f"{what.decode()}: {error}\\n")
    child.kill()
threading.Thread(target=obey, daemon=True).start()
code = child.wait()
sys.stdout.flush()
os._exit(code if code >= 0 else 128 - code)
"""


class SidecarProcess:
    """dumpcap in a sidecar; the contract of ``TapProcess``."""

    def __init__(self, stream: ContainerStream) -> None:
        self._stream = stream
        self._is_removed = False

    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        code = self._stream.exit_code()
        if code is not None and not self._is_removed:
            self._is_removed = True
            self._stream.close()
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal; nothing happens if it has ended."""
        try:
            self._stream.send(b"signal %d\n" % number)
        except OSError:
            return

    def send_frame(self, frame: bytes) -> None:
        """Send a frame out of the interface that it records.

        Raises:
            OSError: it has ended.
        """
        self._stream.send(b"mark %s\n" % frame.hex().encode())

    def close(self) -> None:
        """Remove the container."""
        if not self._is_removed:
            self._is_removed = True
            self._stream.close()


def start_sidecar(
    engine: Engine,
    interface: str,
    command: Sequence[str],
    *,
    image: str,
    labels: Mapping[str, str],
    network_mode: str,
    output: Sink,
    errors: Sink,
    name: str,
) -> SidecarProcess:
    """Start a program in a container that sees an interface.

    Args:
        engine: where.
        interface: its name, or ``@ADDRESS``, in ``command`` too.
        command: program and arguments.
        image: of the sidecar; has dumpcap and Python.
        labels: written on the container.
        network_mode: ``host``, or ``container:ID`` for what one node sees.
        output: takes what the program writes.
        errors: takes what it says.
        name: in errors.

    Raises:
        BackendError: the engine cannot start the container.
    """
    return SidecarProcess(
        ContainerStream(
            engine,
            image=image,
            command=["python3", "-c", PROGRAM, interface, *command],
            labels=labels,
            network_mode=network_mode,
            output=output,
            errors=errors,
            name=name,
        )
    )


class SidecarTap:
    """The tap on an interface of the engine's machine.

    Args:
        engine: where the nodes are.
        interface: such as the bridge of their network.
        image: of the sidecar; has dumpcap and Python.
        labels: written on the container.
    """

    def __init__(self, engine: Engine, interface: str, *, image: str, labels: Mapping[str, str]) -> None:
        self._engine = engine
        self._interface = interface
        self._image = image
        self._labels = labels
        self._processes: list[SidecarProcess] = []

    @property
    def interface(self) -> str:
        """The interface's name."""
        return self._interface

    def start(self, command: Sequence[str], *, stdout: Path, stderr: Path) -> SidecarProcess:
        """Start a program in a container that sees the interface, as ``Tap.start`` says.

        Raises:
            OSError: one of the files cannot be opened.
            BackendError: the engine cannot start the container.
        """
        self._processes = [process for process in self._processes if process.exit_code() is None]
        process = start_sidecar(
            self._engine,
            self._interface,
            command,
            image=self._image,
            labels=self._labels,
            network_mode="host",
            output=stdout.open("wb", buffering=0),
            errors=stderr.open("wb", buffering=0),
            name=f"the sidecar that records {self._interface}",
        )
        self._processes.append(process)
        return process

    def send(self, frame: bytes) -> None:
        """Send an Ethernet frame out of the interface.

        Raises:
            OSError: no sidecar runs.
        """
        for process in self._processes:
            if process.exit_code() is None:
                process.send_frame(frame)
                return
        raise OSError(0, "no sidecar records there")

    def close(self) -> None:
        """Remove all containers."""
        for process in self._processes:
            process.close()
        self._processes = []
