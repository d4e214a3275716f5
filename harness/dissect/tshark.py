"""The tshark executable: finding it, asking its version, running it away from the user's own settings.

Source: tshark(1), "-d", "-n", "-T", "-Y"; wireshark(1), "ENVIRONMENT VARIABLES".
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from harness.errors import CaptureError, DissectorError

PREFERENCES = {"tcp.desegment_tcp_streams": "TRUE", "tcp.analyze_sequence_numbers": "TRUE"}
"""What its TCP is to do; its defaults, said in case a later release changes them."""

SCYLLA_SINCE = (3, 4)
"""The first release that knows the protocol."""

HOW_TO_INSTALL = "install it (Debian, Ubuntu: apt-get install tshark) or give the path of another build"

_CUT_SHORT = "appears to have been cut short"
_UNKNOWN_FIELDS = re.compile(r"^tshark: Some fields aren't valid:\n((?:\s+\S+\n?)+)", re.MULTILINE)
_UNKNOWN_PROTOCOL = re.compile(r'Unknown protocol -- "(\w+)"')
_NOISE = ("Running as user ", "Capturing on ")
"""Lines that tshark writes whatever it does: running as root is no fault of the capture."""
_ERROR_BYTES_MAX = 1 << 16


@dataclass(frozen=True)
class Tshark:
    """One build of tshark.

    Attributes:
        path: the executable; a bare name is looked for in PATH.
    """

    path: str = "tshark"

    @cached_property
    def executable(self) -> str:
        """Full path of the executable.

        Raises:
            DissectorError: there is none, or it may not be executed.
        """
        found = shutil.which(self.path)
        if found is not None:
            return found
        if Path(self.path).exists():
            raise DissectorError(f"{self.path} is not executable; {HOW_TO_INSTALL}")
        where = "at that path" if os.sep in self.path else "in PATH"
        raise DissectorError(f"{self.path} was not found {where}; {HOW_TO_INSTALL}")

    @cached_property
    def version(self) -> str:
        """Its version as it says it, such as ``4.0.17``.

        Raises:
            DissectorError: it cannot be run, is no tshark, or is older than the Scylla dissector.
        """
        try:
            answer = subprocess.run(  # noqa: S603  the executable is the user's choice, the arguments are ours
                [self.executable, "--version"], capture_output=True, text=True, errors="replace", check=False
            )
        except OSError as error:
            raise DissectorError(f"{self.executable} cannot be run: {error}; {HOW_TO_INSTALL}") from error
        match = re.search(r"^TShark \(Wireshark\) (\d+)\.(\d+)(\S*?)\.?(?:\s|$)", answer.stdout, re.MULTILINE)
        if match is None:
            said = _first_line(answer.stdout or answer.stderr)
            raise DissectorError(f"{self.executable} is no tshark: it says {said!r}; {HOW_TO_INSTALL}")
        if (int(match[1]), int(match[2])) < SCYLLA_SINCE:
            since = ".".join(map(str, SCYLLA_SINCE))
            raise DissectorError(
                f"{self.executable} is {match[1]}.{match[2]}{match[3]}, which knows no Scylla protocol: "
                f"{since} is the first that does; {HOW_TO_INSTALL}"
            )
        return f"{match[1]}.{match[2]}{match[3]}"

    def lines(self, capture: Path, arguments: Sequence[str]) -> "TsharkRun":
        """Prepare to read what it says about a capture, line by line."""
        return TsharkRun(self, capture, tuple(arguments))


class UnknownFieldsError(DissectorError):
    """This build does not have some of the fields it was asked for."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        super().__init__(f"this tshark has no field {', '.join(fields)}")
        self.fields = fields


class TsharkRun:
    """One run over one capture; iterate over it once."""

    def __init__(self, tshark: Tshark, capture: Path, arguments: tuple[str, ...]) -> None:
        self.tshark = tshark
        self.capture = capture
        self.arguments = arguments
        self.truncated = ""
        """After the last line: why the capture ends in the middle of a packet, in tshark's words."""

    def __iter__(self) -> Iterator[str]:
        """Yield the lines of its standard output, without their ends.

        Raises:
            DissectorError: tshark cannot be run, or failed.
            UnknownFieldsError: it knows Scylla, but not all fields.
            CaptureError: it cannot read the capture.
        """
        if not self.capture.is_file():
            raise CaptureError(f"{self.capture} is no file")
        command = [self.tshark.executable, "-r", str(self.capture), "-n", *self.arguments]
        with private_settings() as environment, tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(  # noqa: S603  as above
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=environment
                )
            except OSError as error:
                raise DissectorError(f"{command[0]} cannot be run: {error}; {HOW_TO_INSTALL}") from error
            assert process.stdout is not None
            try:
                with process.stdout:
                    for line in process.stdout:
                        yield line.decode("utf-8", "replace").rstrip("\r\n")
                status = process.wait()
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            self._judge(status, errors)

    def _judge(self, status: int, errors: IO[bytes]) -> None:
        errors.seek(0)
        said = errors.read(_ERROR_BYTES_MAX).decode("utf-8", "replace")
        unknown = _UNKNOWN_FIELDS.search(said)
        if unknown is not None:
            raise UnknownFieldsError(tuple(unknown[1].split()))
        words = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith(_NOISE)]
        if _CUT_SHORT in said:
            self.truncated = " ".join(words)
        elif status != 0:
            unknown = _UNKNOWN_PROTOCOL.search(said)
            if unknown is not None:
                raise DissectorError(
                    f"{self.tshark.executable} knows no protocol {unknown[1]}; {HOW_TO_INSTALL}"
                )
            reason = " ".join(words) or f"exit status {status}"
            raise CaptureError(f"tshark cannot read {self.capture}: {reason}")


def decode_as(rpc_ports: Iterable[int], cql_ports: Iterable[int]) -> list[str]:
    """Return the arguments by which it takes these ports for Scylla and CQL, as nobody has to configure."""
    arguments = []
    for name, value in PREFERENCES.items():
        arguments += ["-o", f"{name}:{value}"]
    for port in rpc_ports:
        arguments += ["-d", f"tcp.port=={port},scylla"]
    for port in cql_ports:
        arguments += ["-d", f"tcp.port=={port},cql"]
    return arguments


def display_filter(ports: Iterable[int]) -> str:
    """Return the filter for the packets that matter: those of the ports with a payload or a SYN."""
    either = " or ".join(f"tcp.port == {port}" for port in ports)
    return f"({either}) and (tcp.len > 0 or tcp.flags.syn == 1)"


@contextlib.contextmanager
def private_settings() -> Generator[dict[str, str]]:
    """Give an environment in which no profile, preference, filter or plug-in of the user's takes part."""
    with tempfile.TemporaryDirectory(prefix="harness-tshark-") as folder:
        yield {
            **os.environ,
            "HOME": folder,
            "XDG_CONFIG_HOME": folder,
            "WIRESHARK_CONFIG_DIR": folder,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:200]
