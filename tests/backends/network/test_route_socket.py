import errno
import socket
import sys
from collections.abc import Iterator

import pytest

from harness.backends.network.keeper import Keeper
from harness.backends.network.route_socket import (
    LINK_HEADER_BYTES,
    Request,
    RouteSocket,
    attribute,
    attributes_of,
    index_and_flags_of,
    link_header,
)

NAME = 3
LOOPBACK_UP = 0x9

little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the bytes are of such a machine")


@pytest.fixture
def routes(keeper: Keeper) -> Iterator[RouteSocket]:
    routes = RouteSocket(keeper.open_socket(keeper.hub, socket.AF_NETLINK, socket.SOCK_DGRAM))
    yield routes
    routes.close()


@little_endian
@pytest.mark.parametrize(
    ("kind", "value", "data"),
    [
        (3, "lo", "0700 0300 6c6f00 00"),
        (10, 258, "0800 0a00 02010000"),
        (1, bytes.fromhex("0200c6120001"), "0a00 0100 0200c6120001 0000"),
        (18, [bytes.fromhex("0800010078797a00")], "0c00 1200 0800010078797a00"),
        (2, [], "0400 0200"),
    ],
)
def test_attributes_are_padded_to_four_bytes_which_do_not_count(
    kind: int, value: bytes | int | str | list[bytes], data: str
) -> None:
    assert attribute(kind, value) == bytes.fromhex(data)


@little_endian
def test_attributes_are_found_by_type_without_its_flags_as_far_as_they_are_whole() -> None:
    data = bytes.fromhex("0700 0300 6c6f00 00  0800 0a80 02010000  0300 0100 ffffffff")
    assert attributes_of(data) == {3: b"lo\0", 10: b"\x02\x01\0\0"}
    assert attributes_of(b"\x01") == {}


@little_endian
def test_the_header_of_a_link_says_which_flags_are_meant() -> None:
    assert link_header(7, flags=1, changed_flags=1) == bytes.fromhex("00000000 07000000 01000000 01000000")


@pytest.mark.namespaces
def test_the_kernel_tells_of_a_link(routes: RouteSocket) -> None:
    by_name = routes.ask(Request.GET_LINK, link_header() + attribute(NAME, "lo"), LINK_HEADER_BYTES)
    assert index_and_flags_of(by_name)[0] == 1
    assert by_name.attributes[NAME] == b"lo\0"
    routes.change(Request.NEW_LINK, link_header(1, flags=1, changed_flags=1))
    (only,) = routes.all(Request.GET_LINK, link_header(), LINK_HEADER_BYTES)
    index, flags = index_and_flags_of(only)
    assert (index, flags & LOOPBACK_UP) == (1, LOOPBACK_UP)


@pytest.mark.namespaces
def test_what_the_kernel_refuses_is_an_error_of_the_system(routes: RouteSocket) -> None:
    with pytest.raises(OSError, match="No such device") as caught:
        routes.ask(Request.GET_LINK, link_header() + attribute(NAME, "nobody"), LINK_HEADER_BYTES)
    assert caught.value.errno == errno.ENODEV
    with pytest.raises(OSError, match="No such device"):
        routes.change(Request.DELETE_LINK, link_header(4711))


@little_endian
def test_answers_that_nobody_has_waited_for_are_skipped() -> None:
    ours, kernels = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with kernels:
        routes = RouteSocket(ours)
        # Of the request with the number 9, then of the first one: it may not.
        kernels.send(bytes.fromhex("14000000 0200 0000 09000000 00000000 00000000"))
        kernels.send(bytes.fromhex("14000000 0200 0000 01000000 00000000 ffffffff"))
        with pytest.raises(PermissionError):
            routes.change(Request.DELETE_LINK, link_header(1))
        request = kernels.recv(100)
        assert request == bytes.fromhex("20000000 1100 0500 01000000 00000000") + link_header(1)
        routes.close()
