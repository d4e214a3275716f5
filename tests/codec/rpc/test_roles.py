import pytest

from harness.codec.rpc.roles import client_role
from tests.codec.rpc.examples import CLIENT_2026, SERVER_2026


def test_the_side_with_a_connection_id_is_the_server() -> None:
    assert client_role(CLIENT_2026, SERVER_2026, 1, 2) is True
    assert client_role(SERVER_2026, CLIENT_2026, 1, 2) is False
    assert client_role(b"", SERVER_2026, 1, 2) is True
    assert client_role(CLIENT_2026, b"\x00", 1, 2) is True


def test_negotiation_goes_before_ports() -> None:
    assert client_role(CLIENT_2026, b"", 7000, 50000) is True


@pytest.mark.parametrize("port", [7000, 7001])
def test_without_negotiation_the_known_port_is_the_servers(port: int) -> None:
    assert client_role(b"", b"", 50000, port) is True
    assert client_role(b"\x00" * 40, b"\x01", port, 50000) is False


def test_nothing_known_decides_nothing() -> None:
    assert client_role(b"", b"", 50000, 50001) is None
    assert client_role(b"", b"", 7000, 7001) is None


def test_malformed_negotiations_decide_nothing() -> None:
    for size in range(len(SERVER_2026)):
        assert client_role(SERVER_2026[:size], b"", 1, 2) is None
    assert client_role(SERVER_2026[:8] + b"\xff" * 30, b"", 1, 2) is None
    assert (
        client_role(SERVER_2026[:8] + bytes.fromhex("0c000000 02000000 04000000 00000000"), b"", 1, 2) is None
    )
