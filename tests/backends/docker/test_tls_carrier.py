import gc
import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from select import select
from threading import Thread

import pytest

from harness.backends.docker.engine_address import Certificates, EngineAddress
from harness.backends.docker.gate import Gate
from harness.backends.docker.temporary_folder import make_folder
from harness.backends.docker.tls_carrier import TlsCarrier
from harness.backends.docker.unreachable import unreachable
from tests.backends.docker.elsewhere import make_certificates

_BYTES = bytes(range(256)) * (1 << 15)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder, "127.0.0.1")
    return folder


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def serving(stack: ExitStack, folder: Path, answer: bytes) -> str:
    """A server that takes what comes until its end is told, and meanwhile says something; returns its address."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "server" / "ca.pem")
    context.load_cert_chain(folder / "server" / "cert.pem", folder / "server" / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

    def serve() -> None:
        with suppress(OSError):
            while True:
                plain, _ = listener.accept()
                with plain, suppress(OSError), context.wrap_socket(plain, server_side=True) as connection:
                    connection.settimeout(20)
                    taken = 0
                    while taken < len(answer):
                        data = connection.recv(65536)
                        if not data:
                            break
                        connection.sendall(answer[taken : taken + len(data)])
                        taken += len(data)

    server = Thread(target=serve)
    server.start()
    stack.callback(server.join)
    stack.callback(listener.shutdown, socket.SHUT_RDWR)
    return f"tcp://127.0.0.1:{listener.getsockname()[1]}"


def opened(stack: ExitStack, url: str, certificates: Path, *, is_verified: bool = True) -> Gate:
    carrier = TlsCarrier(url, Certificates(folder=certificates, is_verified=is_verified))
    gate = Gate(make_folder(), carrier)
    stack.callback(gate.close)
    return gate


def exchanged(gate: Gate, data: bytes) -> bytes:
    """What comes back while it is sent."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(gate.url.removeprefix("unix://"))
        sender = Thread(target=connection.sendall, args=(data,))
        sender.start()
        taken = bytearray()
        while part := connection.recv(65536):
            taken += part
        sender.join()
    return bytes(taken)


def test_two_threads_may_use_a_connection_at_once(stack: ExitStack, folder: Path) -> None:
    gate = opened(stack, serving(stack, folder, _BYTES), folder / "client")
    assert exchanged(gate, bytes(len(_BYTES))) == _BYTES


def test_nothing_is_left_open_whenever_it_is_closed(stack: ExitStack, folder: Path) -> None:
    # One is served, and others wait, or are just being made.
    url = serving(stack, folder, _BYTES)
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        for step in range(40):
            with ExitStack() as clients:
                gate = opened(clients, url, folder / "client")
                for _ in range(3):
                    client = clients.enter_context(socket.socket(socket.AF_UNIX))
                    client.connect(gate.url.removeprefix("unix://"))
                select([client], [], [], step / 4000)
                gate.close()
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


def test_bundle_for_everything_else_counts_nothing(
    stack: ExitStack, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where it is set, requests prefers it to an authority that was named.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder / "theirs.pem"))
    answer = b"HTTP/1.1 200 OK\r\n\r\n"
    gate = opened(stack, serving(stack, folder, answer), folder / "client")
    gate.knock(timeout_s=20)


@pytest.mark.parametrize(
    ("who", "is_verified", "reason"),
    [
        ("stranger", True, "certificate verify failed"),
        # Then it is the engine that finds something wrong.
        ("stranger", False, "(?i)alert unknown.ca"),
        ("nobody", False, "(?i)alert certificate.required"),
    ],
)
def test_certificate_that_is_not_trusted_is_told(
    stack: ExitStack, folder: Path, who: str, is_verified: bool, reason: str
) -> None:
    gate = opened(stack, serving(stack, folder, b"x"), folder / who, is_verified=is_verified)
    with pytest.raises(ConnectionError, match=reason):
        gate.knock(timeout_s=20)


def test_engine_by_another_name_is_told(stack: ExitStack, folder: Path) -> None:
    url = serving(stack, folder, b"x").replace("127.0.0.1", "localhost")
    with pytest.raises(ConnectionError, match="certificate verify failed: Hostname mismatch"):
        opened(stack, url, folder / "client").knock(timeout_s=20)


def test_key_of_another_certificate_is_told(folder: Path, tmp_path: Path) -> None:
    for name, source in (("ca.pem", "client"), ("cert.pem", "client"), ("key.pem", "server")):
        (tmp_path / name).symlink_to(folder / source / name)
    with pytest.raises(OSError, match=r"(?i)key values mismatch") as caught:
        TlsCarrier("tcp://127.0.0.1:1", Certificates(folder=tmp_path))
    address = EngineAddress(url="tcp://there:2376", certificates=Certificates(folder=tmp_path))
    said = str(unreachable(address, caught.value, str(caught.value)))
    assert said.startswith(
        f"the certificates in {tmp_path}, for the engine at tcp://there:2376, cannot be used: "
    )


def test_closing_ends_connections(stack: ExitStack, folder: Path) -> None:
    gate = opened(stack, serving(stack, folder, _BYTES), folder / "client")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(gate.url.removeprefix("unix://"))
        connection.sendall(b"x")
        assert connection.recv(1) == _BYTES[:1]
        gate.close()
        assert connection.recv(1) == b""
