"""A node's messages: requests and one-way messages to peers, and the handlers of what comes from them.

    messaging.handle(Verb.READ_DATA, read_data)                        # async def read_data(sender, request) -> reply
    reply = await messaging.call(address, Verb.READ_DATA, request, timeout_ms=5000)
    messaging.send(address, Verb.MUTATION_DONE, done)                  # nobody waits

Bodies are instances of the classes that ``codec.verbs`` declares for the verb. A node never sends itself messages.

Source:
    Scylla (branch 4.2), message/messaging_service.cc.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from harness.backends.simulation.messaging.connection_index import (
    STREAMING,
    Tenant,
    connection_index,
    cookie_of,
)
from harness.backends.simulation.messaging.incoming import Incoming, Sender, failure, unknown_verb
from harness.backends.simulation.messaging.outgoing import Outgoing, OutgoingStream
from harness.backends.simulation.messaging.rpc_error import NoReplyError, RpcClosedError
from harness.backends.simulation.messaging.rpc_stream import RpcStream
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.world import Connection, Listener, World
from harness.codec.rpc.frame import Frame
from harness.codec.rpc.negotiation import offer
from harness.codec.rpc.wrapper import LZ4, LZ4_FRAGMENTED
from harness.codec.verbs.connection import ClientId
from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Mode, Role, encode_payload
from harness.codec.verbs.streaming import StreamOpened
from harness.codec.verbs.table import TABLE
from harness.errors import DecodeError, HarnessError

MAX_RESULT_SIZE_BYTES = 1 << 20
LINE = Line.V4_2
"""The version line that simulated nodes speak."""

_COMPRESSIONS = (LZ4_FRAGMENTED, LZ4)
_PORT_MIN, _PORT_MAX = 49_153, 65_534
_PORTS_TRIED = 5

Handler = Callable[[Sender, Any], Awaitable[object | None]]
"""Takes a request; gives its reply, or for one-way verbs nothing."""

TimedHandler = Callable[[Sender, Any, int], Awaitable[object | None]]
"""The same, with the milliseconds that the sender still waits; 0: it did not say."""

PromptHandler = Callable[[Sender, Any, int], object]
"""The same, but no coroutine: gives the reply at once, or ``Later`` where something has to be waited for."""

StreamHandler = Callable[[Sender, Any, RpcStream], Awaitable[None]]
"""Takes the request that opens a stream, and the stream."""


class Later(NamedTuple):
    """A reply that is still to come."""

    work: Callable[[], Awaitable[object]]


class Messaging:
    """The port between nodes.

    Args:
        world: where it runs.
        address: its own.
        port: of all nodes.
        compresses: whether connections to a peer are compressed; asked when one is opened.
        accepts_compression: whether peers may compress.
    """

    def __init__(
        self,
        world: World,
        *,
        address: str,
        port: int,
        compresses: Callable[[str], bool] = lambda _: False,
        accepts_compression: bool = False,
    ) -> None:
        self.address = address
        self._world = world
        self._port = port
        self._compresses = compresses
        self._accepted_compressions = _COMPRESSIONS if accepts_compression else ()
        self._handlers: dict[int, PromptHandler] = {}
        self._stream_handlers: dict[int, StreamHandler] = {}
        self._outgoing: dict[tuple[str, int], Outgoing] = {}
        self._incoming: set[Incoming] = set()
        self._streams: dict[int, RpcStream] = {}
        self._connection_count = 0
        self._refusal_listeners: list[Callable[[str], None]] = []
        self._listener: Listener | None = None
        client_id = ClientId(broadcast_address=address, shard=0, max_result_size_bytes=MAX_RESULT_SIZE_BYTES)
        self._introduction = encode_payload(client_id)

    async def listen(self) -> None:
        """Accept connections of peers.

        Raises:
            OSError: the port is in use, or the address is none of ours.
        """
        self._listener = await self._world.listen(self.address, self._port, self._accept)

    def close(self) -> None:
        """Accept no more, and close all connections."""
        if self._listener is not None:
            self._listener.close()
        for outgoing in list(self._outgoing.values()):
            outgoing.close()
        for incoming in list(self._incoming):
            incoming.close()

    def handle(self, verb: Verb, handler: Handler) -> None:
        """Have requests of a verb handled; a second handler replaces the first.

        What a handler raises: ``NoReplyError`` leaves the request unanswered, another ``HarnessError`` is the
        exception that the peer gets.
        """

        def untimed(sender: Sender, request: object, _: int) -> Later:
            return Later(partial(handler, sender, request))

        self._handlers[verb] = untimed

    def handle_timed(self, verb: Verb, handler: TimedHandler) -> None:
        """Have requests of a verb handled by who needs to know how much time is left."""

        def timed(sender: Sender, request: object, timeout_ms: int) -> Later:
            return Later(partial(handler, sender, request, timeout_ms))

        self._handlers[verb] = timed

    def handle_promptly(self, verb: Verb, handler: PromptHandler) -> None:
        """Have requests of a verb handled as soon as they are read, without a task for each."""
        self._handlers[verb] = handler

    def handle_stream(self, verb: Verb, handler: StreamHandler) -> None:
        """Have streams of a verb handled; the request is answered before the handler begins."""
        self._stream_handlers[verb] = handler

    def send(
        self,
        address: str,
        verb: Verb,
        body: object,
        *,
        timeout_ms: int = 0,
        tenant: Tenant = Tenant.USER,
    ) -> None:
        """Send a one-way message; if the peer cannot be reached, it is lost, and nobody hears of that.

        In Scylla too: the coordinator of a write handles the error of a closed connection (storage_proxy.cc,
        send_to_live_endpoints), but Seastar raises none for a message without a reply. One that waits for a
        connection which is refused or closed counts as sent when it is dropped, and a connection that is known to be
        closed is replaced before the message is given to it.

        Args:
            address: of the peer.
            verb: what it is.
            body: its arguments.
            timeout_ms: for the receiver; 0: none.
            tenant: on whose behalf.

        Source:
            seastar (commit 0fba7da9, of Scylla 4.2.4), src/rpc/rpc.hh (outgoing_entry), rpc_impl.hh (send_helper),
            rpc.cc (stop_send_loop); Scylla, message/messaging_service.cc (get_rpc_client).
        """
        self.send_payload(address, verb, encode_payload(body), timeout_ms=timeout_ms, tenant=tenant)

    def send_payload(
        self,
        address: str,
        verb: Verb,
        payload: bytes,
        *,
        timeout_ms: int = 0,
        tenant: Tenant = Tenant.USER,
    ) -> None:
        """Send a one-way message whose body is encoded already, as for several peers that get the same."""
        self._outgoing_to(address, connection_index(verb, tenant)).send(verb, payload, timeout_ms)

    async def written(self, address: str, verb: Verb, *, tenant: Tenant = Tenant.USER) -> None:
        """Wait until what was sent so far is on its way; nothing is waited for if the peer cannot be reached.

        Args:
            address: of the peer.
            verb: what was sent.
            tenant: on whose behalf.
        """
        with suppress(RpcClosedError):
            await self._outgoing_to(address, connection_index(verb, tenant)).negotiated()

    async def call(
        self, address: str, verb: Verb, body: object, *, timeout_ms: int = 0, tenant: Tenant = Tenant.USER
    ) -> Any:  # noqa: ANN401  (the class that the verb declares for replies)
        """Send a request; gives the body of its reply.

        Args:
            address: of the peer.
            verb: what is asked.
            body: its arguments.
            timeout_ms: how long; 0: for ever.
            tenant: on whose behalf.

        Raises:
            RpcError: no reply came in time, the connection is closed, or the peer's handler failed.
        """
        outgoing = self._outgoing_to(address, connection_index(verb, tenant))
        payload = await outgoing.call(verb, encode_payload(body), timeout_ms)
        return TABLE.decode(verb, LINE, Role.REPLY, payload).body

    async def open_stream(
        self, address: str, verb: Verb, make_request: Callable[[int], object], *, timeout_ms: int = 0
    ) -> RpcStream:
        """Open a stream.

        Args:
            address: of the peer.
            verb: what is asked.
            make_request: makes the body of the request from the id of the stream.
            timeout_ms: how long for the answer to the request; 0: for ever.

        Raises:
            RpcError: as ``call``.
        """
        parent = self._outgoing_to(address, STREAMING)
        parent_id = (await parent.negotiated()).connection_id
        receiver = OutgoingStream(
            offer(stream_parent=parent_id, compressions=self._compressions_to(address), has_timeout=False)
        )
        try:
            connection = await self._world.connect(
                address, self._port, receiver.opened, local_ports=self._local_ports()
            )
        except OSError as error:
            raise RpcClosedError(f"{verb.name} to {address}: {error.strerror}") from error
        negotiated = await receiver.agreed
        stream = RpcStream(connection, negotiated, is_requester=True)
        stream.verb = verb
        receiver.take, receiver.lose = stream.take, stream.lose
        assert negotiated.connection_id is not None
        try:
            await self.call(address, verb, make_request(negotiated.connection_id), timeout_ms=timeout_ms)
        except BaseException:
            connection.close()
            raise
        return stream

    def when_refused(self, listener: Callable[[str], None]) -> None:
        """Tell somebody of each peer whose port nobody listens at."""
        self._refusal_listeners.append(listener)

    def drop(self, address: str, *, older_than_s: float = 0) -> None:
        """Close the connections to a peer, as when it is down; the next message opens new ones.

        Args:
            address: of the peer.
            older_than_s: only those that were begun so long ago.
        """
        for key, outgoing in [*self._outgoing.items()]:
            if key[0] == address and outgoing.age_s >= older_than_s:
                del self._outgoing[key]
                outgoing.close()

    # What connections ask for.

    def dispatch(self, incoming: Incoming, frame: Frame) -> None:
        """Begin with a request."""
        number = frame.verb or 0
        if number in self._stream_handlers:
            self._open(incoming, frame)
            return
        handler = self._handlers.get(number)
        if handler is None:
            incoming.refuse(frame.msg_id or 0, unknown_verb(number))
            return
        self._run(handler, incoming, frame)

    def next_connection_id(self) -> int:
        """The number of another connection."""
        self._connection_count += 1
        return self._connection_count << 16

    def add_stream(self, stream_id: int, stream: RpcStream) -> None:
        """Keep a stream until the request that names it comes."""
        self._streams[stream_id] = stream

    def _run(self, handler: PromptHandler, incoming: Incoming, frame: Frame) -> None:
        assert frame.verb is not None
        assert frame.msg_id is not None
        try:
            body = TABLE.decode(frame.verb, LINE, Role.REQUEST, frame.payload).body
        except DecodeError as error:
            # As in Scylla: what cannot be understood is logged, and nobody gets an answer.
            self._world.log(
                f"{Verb(frame.verb).name} of {incoming.sender.address} is not understood: {error}"
            )
            return
        try:
            reply = handler(incoming.sender, body, frame.timeout_ms or 0)
        except HarnessError as error:
            self._refuse(error, incoming, frame.verb, frame.msg_id)
        except Exception as error:  # noqa: BLE001  (a bug must not end the connection; it is logged as one of a task)
            self._world.start(_failed(error), f"handler of verb {Verb(frame.verb).name}")
        else:
            if isinstance(reply, Later):
                work = self._finish(reply.work, incoming, frame.verb, frame.msg_id)
                self._world.start(work, f"handler of verb {Verb(frame.verb).name}")
            elif _is_answered(frame.verb):
                incoming.reply(frame.msg_id, b"" if reply is None else encode_payload(reply))

    async def _finish(
        self, work: Callable[[], Awaitable[object]], incoming: Incoming, verb: int, msg_id: int
    ) -> None:
        try:
            reply = await work()
        except HarnessError as error:
            self._refuse(error, incoming, verb, msg_id)
            return
        if _is_answered(verb):
            incoming.reply(msg_id, b"" if reply is None else encode_payload(reply))

    def _refuse(self, error: HarnessError, incoming: Incoming, verb: int, msg_id: int) -> None:
        if isinstance(error, NoReplyError):
            return
        self._world.log(f"{Verb(verb).name} of {incoming.sender.address}: {error}")
        if _is_answered(verb):
            incoming.refuse(msg_id, failure(str(error)))

    def _open(self, incoming: Incoming, frame: Frame) -> None:
        verb = Verb(frame.verb or 0)
        body: Any = TABLE.decode(verb, LINE, Role.REQUEST, frame.payload).body
        stream = self._streams.pop(body.stream_id, None)
        if stream is None:
            incoming.refuse(frame.msg_id or 0, failure(f"there is no stream {body.stream_id}"))
            return
        stream.verb = verb
        incoming.reply(frame.msg_id or 0, encode_payload(StreamOpened(stream_id=body.stream_id)))
        work = self._stream_handlers[verb](incoming.sender, body, stream)
        self._world.start(self._serve(verb, work), f"stream of {verb.name}")

    async def _serve(self, verb: Verb, work: Awaitable[None]) -> None:
        try:
            await work
        except HarnessError as error:
            self._world.log(f"stream of {verb.name}: {error}")

    # Connections.

    def _accept(self, connection: Connection) -> Incoming:
        incoming = Incoming(connection, self, self._accepted_compressions)
        self._incoming = {one for one in self._incoming if one.is_open} | {incoming}
        return incoming

    def _outgoing_to(self, address: str, index: int) -> Outgoing:
        assert address != self.address
        outgoing = self._outgoing.get((address, index))
        if outgoing is None or outgoing.is_closed:
            opening = offer(cookie=cookie_of(index), compressions=self._compressions_to(address))
            outgoing = self._outgoing[address, index] = Outgoing(address, opening, self._introduction)
            self._world.start(self._connect(outgoing), f"connection {index} to {address}")
        return outgoing

    async def _connect(self, outgoing: Outgoing) -> None:
        try:
            await self._world.connect(
                outgoing.peer, self._port, outgoing.opened, local_ports=self._local_ports()
            )
        except OSError as error:
            outgoing.close()
            if isinstance(error, ConnectionRefusedError):
                for listener in self._refusal_listeners:
                    listener(outgoing.peer)
            return
        if outgoing.is_closed:
            outgoing.close()

    def _compressions_to(self, address: str) -> tuple[str, ...]:
        return _COMPRESSIONS if self._compresses(address) else ()

    def _local_ports(self) -> tuple[int, ...]:
        """Of one shard every port will do; nodes choose among the dynamic ones."""
        return tuple(self._world.random.randint(_PORT_MIN, _PORT_MAX) for _ in range(_PORTS_TRIED))


async def _failed(error: Exception) -> None:
    raise error


_ANSWERED = frozenset(number for number, row in TABLE.by_number.items() if row.mode is not Mode.ONE_WAY)


def _is_answered(verb: int) -> bool:
    return verb in _ANSWERED
