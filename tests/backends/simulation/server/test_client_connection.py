import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address

import pytest

from harness.backends.simulation.cql.request_error import invalid
from harness.backends.simulation.real_world import RealWorld
from harness.backends.simulation.server.client_connection import ClientConnection
from harness.backends.simulation.server.client_state import ClientState
from harness.backends.simulation.server.trace_session import TraceSession
from harness.backends.simulation.world import Endpoint
from harness.codec.cql.compression import Compression
from harness.codec.cql.connection import ConnectionDecoder
from harness.codec.cql.errors import Error, ErrorCode
from harness.codec.cql.events import Event, StatusChange
from harness.codec.cql.frame import FLAG_COMPRESSED, Frame, encode_frame
from harness.codec.cql.messages import Message, Ready, Supported, decode_message, frame_of
from harness.codec.cql.notation import Endpoint as InetEndpoint
from harness.codec.cql.requests import (
    Batch,
    Execute,
    Options,
    Prepare,
    Query,
    Register,
    Request,
    Startup,
    query_parameters,
)
from harness.codec.cql.results import Column as ResultColumn
from harness.codec.cql.results import Result, Void


class FakeConnection:
    local = Endpoint("127.0.0.1", 9042)
    peer = Endpoint("127.0.0.1", 50_000)

    def __init__(self) -> None:
        self.is_open = True
        self.sent = b""
        self.wrote = asyncio.Event()

    def write(self, data: bytes) -> None:
        self.wrote.set()
        if self.is_open:
            self.sent += data

    async def drained(self) -> None:
        pass

    def close(self) -> None:
        self.is_open = False


class FakeStatements:
    """Answers what a function of the text says."""

    def __init__(self, answer: Callable[[str], Awaitable[Result]]) -> None:
        self._answer = answer

    async def run(
        self,
        request: Query | Prepare | Execute | Batch,
        client: ClientState,
        trace: TraceSession | None = None,
    ) -> Result:
        assert trace is None
        assert isinstance(request, Query)
        assert client.is_started
        return await self._answer(request.query)

    def text_and_markers(self, statement_id: bytes) -> tuple[str, tuple[ResultColumn, ...]]:
        return statement_id.hex(), ()


class Client:
    """The other end of a connection, and what it hears."""

    def __init__(self, answer: Callable[[str], Awaitable[Result]] | None = None, version: int = 4) -> None:
        async def void(_: str) -> Result:
            return Void()

        self.world = RealWorld(seed=1)
        self.statements = FakeStatements(answer or void)
        self.supported = Supported(options=(("CQL_VERSION", ("3.3.1",)),))
        self.tracing = None
        self.forgotten: list[ClientConnection] = []
        self.connection = FakeConnection()
        self.server = ClientConnection(self.connection, self)
        self.version = version

    def forget(self, client: ClientConnection) -> None:
        self.forgotten.append(client)

    def send(self, request: Request, stream_id: int = 0) -> None:
        self.send_bytes(encode_frame(frame_of(self.version, stream_id, Message(content=request))))

    def send_bytes(self, data: bytes) -> None:
        self.server.data_received(data)

    def start(self, **options: str) -> None:
        self.send(Startup(options=(("CQL_VERSION", "3.0.0"), *options.items())))
        assert self.heard() == [(0, Ready())]

    def frames(self) -> list[Frame]:
        decoder = ConnectionDecoder(syn_seen=True)
        decoder._server.compression = Compression.LZ4
        decoder._server.is_negotiating = False
        data, self.connection.sent = self.connection.sent, b""
        return decoder.feed(False, data, 0)

    def heard(self) -> list[tuple[int, object]]:
        return [
            (
                frame.stream_id,
                decode_message(frame.version, False, frame.flags, frame.opcode, frame.body).content,
            )
            for frame in self.frames()
        ]

    async def idle(self) -> None:
        current = asyncio.current_task()
        await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not current))


def query(text: str) -> Query:
    return Query(query=text, parameters=query_parameters(1))


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await test()

    asyncio.run(main())


def only_error(client: Client) -> tuple[int, Error]:
    ((stream_id, content),) = client.heard()
    assert isinstance(content, Error)
    return stream_id, content


@pytest.mark.parametrize("version", [3, 4])
def test_answers_come_in_the_version_and_on_the_stream_of_the_request(version: int) -> None:
    async def test() -> None:
        client = Client(version=version)
        client.send(Options(), stream_id=7)
        client.send(Startup(options=(("CQL_VERSION", "3.0.0"),)), stream_id=8)
        client.send(query("x"), stream_id=32_767)
        await client.idle()
        frames = client.frames()
        assert [(frame.version, frame.stream_id, frame.opcode) for frame in frames] == [
            (version, 7, 6),
            (version, 8, 2),
            (version, 32_767, 8),
        ]

    run(test)


def test_version_5_is_refused_on_stream_0_in_version_4_and_the_connection_closed() -> None:
    async def test() -> None:
        client = Client(version=5)
        client.send(Options(), stream_id=9)
        stream_id, error = only_error(client)
        assert (stream_id, error.code) == (0, ErrorCode.PROTOCOL_ERROR)
        assert error.text == "Invalid or unsupported protocol version: 5"
        assert not client.connection.is_open

    run(test)


def test_a_statement_before_startup_is_refused_and_the_connection_stays() -> None:
    async def test() -> None:
        client = Client()
        client.send(query("x"), stream_id=3)
        stream_id, error = only_error(client)
        assert (stream_id, error.code) == (3, ErrorCode.PROTOCOL_ERROR)
        client.start()

    run(test)


def test_an_unknown_opcode_is_refused_on_its_stream_and_the_connection_stays() -> None:
    async def test() -> None:
        client = Client()
        client.start()
        client.send_bytes(bytes.fromhex("040000210f" + "00000000" + "0400002255" + "00000000"))
        heard = client.heard()
        assert [(stream_id, content.code) for stream_id, content in heard if isinstance(content, Error)] == [
            (0x21, ErrorCode.PROTOCOL_ERROR),
            (0x22, ErrorCode.PROTOCOL_ERROR),
        ]
        client.send(Options())
        assert client.heard() == [(0, client.supported)]

    run(test)


def test_a_body_cut_short_is_refused_and_the_connection_stays() -> None:
    async def test() -> None:
        client = Client()
        client.start()
        client.send_bytes(bytes.fromhex("0400000507" + "00000006" + "00000010" + "5345"))
        stream_id, error = only_error(client)
        assert (stream_id, error.code) == (5, ErrorCode.PROTOCOL_ERROR)
        client.send(Options())
        assert client.heard() == [(0, client.supported)]

    run(test)


def test_answers_overtake_each_other() -> None:
    async def test() -> None:
        slow = asyncio.Event()

        async def answer(text: str) -> Result:
            if text == "slow":
                await slow.wait()
            return Void()

        client = Client(answer)
        client.start()
        client.send(query("slow"), stream_id=1)
        client.send(query("fast"), stream_id=2)
        client.connection.wrote.clear()
        await client.connection.wrote.wait()
        assert client.heard() == [(2, Void())]
        slow.set()
        await client.idle()
        assert client.heard() == [(1, Void())]

    run(test)


def test_what_a_bug_raises_is_a_server_error_and_the_connection_stays() -> None:
    async def test() -> None:
        async def answer(text: str) -> Result:
            raise KeyError(text)

        client = Client(answer)
        client.start()
        client.send(query("x"), stream_id=4)
        await client.idle()
        stream_id, error = only_error(client)
        assert (stream_id, error.code) == (4, ErrorCode.SERVER_ERROR)
        assert client.connection.is_open

    run(test)


def test_a_refused_request_is_answered_with_its_error() -> None:
    async def test() -> None:
        async def answer(_: str) -> Result:
            raise invalid("é" * 60_000)

        client = Client(answer)
        client.start()
        client.send(query("x"))
        await client.idle()
        _, error = only_error(client)
        assert error.code == ErrorCode.INVALID
        assert error.text.startswith("éé")

    run(test)


def test_with_compression_answers_are_packed_and_packed_requests_are_understood() -> None:
    async def test() -> None:
        heard: list[str] = []

        async def answer(text: str) -> Result:
            heard.append(text)
            return Void()

        client = Client(answer)
        client.start(COMPRESSION="lz4")
        frame = frame_of(4, 1, Message(content=query("packed")), is_compressed=True)
        client.send_bytes(encode_frame(frame, compression=Compression.LZ4))
        await client.idle()
        (packed,) = client.frames()
        assert packed.flags & FLAG_COMPRESSED
        assert packed.body == b"\0\0\0\1"
        assert heard == ["packed"]

    run(test)


def test_an_unknown_compression_is_refused() -> None:
    async def test() -> None:
        client = Client()
        client.send(Startup(options=(("COMPRESSION", "zip"),)))
        _, error = only_error(client)
        assert error.code == ErrorCode.PROTOCOL_ERROR

    run(test)


def test_a_compressed_request_without_compression_is_refused() -> None:
    async def test() -> None:
        client = Client()
        client.start()
        frame = frame_of(4, 1, Message(content=query("packed")), is_compressed=True)
        client.send_bytes(encode_frame(frame, compression=Compression.LZ4))
        _, error = only_error(client)
        assert error.code == ErrorCode.PROTOCOL_ERROR

    run(test)


def test_events_come_only_to_those_who_asked_on_stream_minus_1() -> None:
    async def test() -> None:
        event = Event(change=StatusChange(change="UP", node=InetEndpoint(IPv4Address("127.0.0.1"), 9042)))
        client = Client()
        client.start()
        client.server.tell(event)
        assert not client.connection.sent
        client.send(Register(event_types=("STATUS_CHANGE",)))
        client.server.tell(event)
        assert client.heard() == [(0, Ready()), (-1, event)]

    run(test)


def test_an_unknown_kind_of_event_is_refused() -> None:
    async def test() -> None:
        client = Client()
        client.start()
        client.send(Register(event_types=("WEATHER",)))
        _, error = only_error(client)
        assert error.code == ErrorCode.PROTOCOL_ERROR

    run(test)


def test_a_lost_connection_is_forgotten_and_late_answers_are_dropped() -> None:
    async def test() -> None:
        client = Client()
        client.start()
        client.send(query("x"))
        client.connection.is_open = False
        client.server.connection_lost()
        await client.idle()
        assert client.forgotten == [client.server]
        assert not client.connection.sent

    run(test)
