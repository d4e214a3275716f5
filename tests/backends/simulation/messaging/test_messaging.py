import asyncio
from uuid import UUID

import pytest

from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.incoming import Sender
from harness.backends.simulation.messaging.messaging import Later, Messaging
from harness.backends.simulation.messaging.rpc_error import (
    NoReplyError,
    RemoteError,
    RpcClosedError,
    RpcTimeoutError,
)
from harness.backends.simulation.messaging.rpc_stream import RpcStream
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.real_world import RealWorld
from harness.codec.verbs.gossip import GossipEchoRequest, GossipShutdown
from harness.codec.verbs.schema_verbs import SchemaCheckReply
from harness.codec.verbs.streaming import (
    FragmentFrame,
    FragmentStatus,
    StreamMutationFragmentsRequest,
)
from harness.codec.verbs.wire import Void
from harness.errors import BackendError
from tests.backends.simulation.messaging.nodes import A, B, talk

VERSION = UUID("0ccc2b2a-53d7-3d38-a4c2-4b0c3ae0a4a1")


async def _version(_: Sender, __: object) -> SchemaCheckReply:
    return SchemaCheckReply(version=VERSION)


@pytest.mark.parametrize("is_compressed", [False, True])
def test_request_is_answered_and_the_handler_knows_who_asks(*, is_compressed: bool) -> None:
    async def conversation(_: RealWorld, a: Messaging, b: Messaging) -> tuple[object, list[Sender]]:
        asked: list[Sender] = []

        async def answer(sender: Sender, __: object) -> SchemaCheckReply:
            asked.append(sender)
            return await _version(sender, __)

        b.handle(Verb.SCHEMA_CHECK, answer)
        reply = await a.call(B, Verb.SCHEMA_CHECK, Void(), timeout_ms=5000)
        await a.call(B, Verb.SCHEMA_CHECK, Void(), timeout_ms=5000, tenant=Tenant.SYSTEM)
        return reply, asked

    reply, asked = talk(conversation, is_compressed=is_compressed)
    assert reply == SchemaCheckReply(version=VERSION)
    assert [(sender.address, sender.tenant) for sender in asked] == [(A, Tenant.USER), (A, Tenant.SYSTEM)]
    assert asked[0].max_result_size_bytes == 1 << 20


def test_one_way_messages_arrive_in_order() -> None:
    async def conversation(_: RealWorld, a: Messaging, b: Messaging) -> list[str]:
        arrived: list[str] = []
        all_there = asyncio.Event()

        async def take(_: Sender, body: GossipShutdown) -> None:
            arrived.append(str(body.sender))
            if len(arrived) == 3:
                all_there.set()

        b.handle(Verb.GOSSIP_SHUTDOWN, take)
        for number in range(3):
            a.send(B, Verb.GOSSIP_SHUTDOWN, GossipShutdown(sender=f"10.0.0.{number}"))
        await all_there.wait()
        return arrived

    assert talk(conversation) == ["10.0.0.0", "10.0.0.1", "10.0.0.2"]


def test_a_prompt_handler_answers_at_once_or_later_and_may_refuse() -> None:
    async def conversation(world: RealWorld, a: Messaging, b: Messaging) -> list[object]:
        def answer(sender: Sender, _: object, timeout_ms: int) -> object:
            if timeout_ms < 2000:
                return SchemaCheckReply(version=VERSION)
            if timeout_ms < 3000:
                return Later(lambda: _version(sender, None))
            if timeout_ms < 4000:
                raise BackendError("no")
            raise ZeroDivisionError

        b.handle_promptly(Verb.SCHEMA_CHECK, answer)
        told: list[object] = [
            await a.call(B, Verb.SCHEMA_CHECK, Void(), timeout_ms=timeout_ms) for timeout_ms in (1900, 2900)
        ]
        for timeout_ms in (3900, 4100):
            try:
                async with asyncio.timeout(0.3):
                    await a.call(B, Verb.SCHEMA_CHECK, Void(), timeout_ms=timeout_ms)
            except (RemoteError, TimeoutError) as error:
                told.append(type(error))
        # A bug of a handler is one of the node, and ends no connection.
        (failure,) = world.failures
        world.failures.clear()
        told.append("ZeroDivisionError" in str(failure) or isinstance(failure, ZeroDivisionError))
        told.append(await a.call(B, Verb.SCHEMA_CHECK, Void(), timeout_ms=1900))
        return told

    version = SchemaCheckReply(version=VERSION)
    assert talk(conversation) == [version, version, RemoteError, TimeoutError, True, version]


def test_no_reply_in_time_is_a_timeout() -> None:
    async def conversation(world: RealWorld, a: Messaging, b: Messaging) -> None:
        async def wait(_: Sender, __: object) -> None:
            await world.sleep(1000)

        b.handle(Verb.GOSSIP_ECHO, wait)
        with pytest.raises(RpcTimeoutError, match=f"GOSSIP_ECHO to {B}: no reply in 50 ms"):
            await a.call(B, Verb.GOSSIP_ECHO, GossipEchoRequest(), timeout_ms=50)

    talk(conversation)


def test_handler_that_wants_no_reply_gives_none() -> None:
    async def conversation(_: RealWorld, a: Messaging, b: Messaging) -> None:
        async def refuse(_: Sender, __: object) -> None:
            raise NoReplyError

        b.handle(Verb.GOSSIP_ECHO, refuse)
        with pytest.raises(RpcTimeoutError):
            await a.call(B, Verb.GOSSIP_ECHO, GossipEchoRequest(), timeout_ms=50)

    talk(conversation)


def test_failure_of_a_handler_is_told() -> None:
    async def conversation(_: RealWorld, a: Messaging, b: Messaging) -> None:
        async def fail(_: Sender, __: object) -> None:
            raise BackendError("no such thing")

        b.handle(Verb.GOSSIP_ECHO, fail)
        with pytest.raises(RemoteError, match="no such thing"):
            await a.call(B, Verb.GOSSIP_ECHO, GossipEchoRequest(), timeout_ms=5000)

    talk(conversation)


def test_verb_without_a_handler_is_said_to_be_unknown() -> None:
    async def conversation(_: RealWorld, a: Messaging, __: Messaging) -> None:
        with pytest.raises(RemoteError, match=f"verb 9 is not known to {B}"):
            await a.call(B, Verb.GOSSIP_ECHO, GossipEchoRequest(), timeout_ms=5000)

    talk(conversation)


def test_peer_that_does_not_listen_is_an_error_at_once() -> None:
    async def conversation(_: RealWorld, a: Messaging, __: Messaging) -> None:
        with pytest.raises(RpcClosedError):
            await a.call("127.0.0.43", Verb.GOSSIP_ECHO, GossipEchoRequest(), timeout_ms=5000)

    talk(conversation)


def test_dropped_peer_is_connected_to_anew() -> None:
    async def conversation(_: RealWorld, a: Messaging, b: Messaging) -> object:
        b.handle(Verb.SCHEMA_CHECK, _version)
        await a.call(B, Verb.SCHEMA_CHECK, Void(), timeout_ms=5000)
        a.drop(B)
        return await a.call(B, Verb.SCHEMA_CHECK, Void(), timeout_ms=5000)

    assert talk(conversation) == SchemaCheckReply(version=VERSION)


@pytest.mark.parametrize("is_compressed", [False, True])
def test_stream_carries_values_both_ways_and_each_way_ends_by_itself(*, is_compressed: bool) -> None:
    async def conversation(_: RealWorld, a: Messaging, b: Messaging) -> tuple[object, list[object]]:
        taken: list[object] = []

        async def take(_: Sender, request: StreamMutationFragmentsRequest, stream: RpcStream) -> None:
            taken.append(request.estimated_partitions)
            while (frame := await stream.receive()) is not None:
                taken.append(frame)
            stream.send(FragmentStatus(status=0))
            stream.end()

        b.handle_stream(Verb.STREAM_MUTATION_FRAGMENTS, take)

        def request(stream_id: int) -> StreamMutationFragmentsRequest:
            return StreamMutationFragmentsRequest(
                plan_id=VERSION,
                schema_version=VERSION,
                table_id=VERSION,
                estimated_partitions=128,
                reason=1,
                stream_id=stream_id,
            )

        stream = await a.open_stream(B, Verb.STREAM_MUTATION_FRAGMENTS, request)
        stream.send(FragmentFrame(fragment=None))
        stream.end()
        status = await stream.receive()
        assert await stream.receive() is None
        return status, taken

    status, taken = talk(conversation, is_compressed=is_compressed)
    assert status == FragmentStatus(status=0)
    assert taken == [128, FragmentFrame(fragment=None)]


def test_stream_whose_peer_goes_away_is_lost() -> None:
    async def conversation(_: RealWorld, a: Messaging, b: Messaging) -> None:
        async def drop(_: Sender, __: object, ___: RpcStream) -> None:
            b.close()

        b.handle_stream(Verb.STREAM_MUTATION_FRAGMENTS, drop)
        stream = await a.open_stream(
            B,
            Verb.STREAM_MUTATION_FRAGMENTS,
            lambda stream_id: StreamMutationFragmentsRequest(
                plan_id=VERSION,
                schema_version=VERSION,
                table_id=VERSION,
                estimated_partitions=0,
                reason=1,
                stream_id=stream_id,
            ),
        )
        with pytest.raises(RpcClosedError):
            await stream.receive()

    talk(conversation)
