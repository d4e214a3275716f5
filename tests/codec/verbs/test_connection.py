"""Captures named here are of Scylla 4.2.4 and 2025.1.15, the number is the packet's."""

import uuid

from harness.codec.verbs.connection import ClientId
from harness.codec.verbs.wire import ABSENT
from tests.codec.verbs.payload_checks import assert_payload

FIRST = uuid.UUID("54b60fc1-769f-4233-9777-0788a53e0688")
SECOND = uuid.UUID("70079f4b-3560-437b-b3e8-67b941b36ffb")


def test_sender_names_its_address_and_shard() -> None:
    # 4.2 base/boot, packet 32
    body = assert_payload(ClientId, "0c081fac 00000000 0000100000000000")
    assert body == ClientId(broadcast_address="172.31.8.12", shard=0, max_result_size_bytes=1048576)
    assert body.host_id is ABSENT


def test_connection_to_an_address_has_no_destination_id() -> None:
    # 2025.1 base/boot, packet 24
    body = assert_payload(ClientId, "0c091fac0000000000001000000000007b4360354b9f0770fb6fb341b967e8b300")
    assert body.host_id == SECOND
    assert body.destination_host_id is None


def test_connection_to_a_host_id_names_it() -> None:
    # 2025.1 base/boot, packet 59
    body = assert_payload(
        ClientId,
        "0b091fac00000000000010000000000033429f76c10fb65488063ea588077797017b4360354b9f0770fb6fb341b967e8b3",
    )
    assert (body.host_id, body.destination_host_id) == (FIRST, SECOND)
    assert body.generation is ABSENT


def test_generation_comes_last() -> None:
    body = assert_payload(
        ClientId, "0100000a 02000000 0000100000000000 33429f76c10fb65488063ea588077797 00 25b6026b"
    )
    assert body.generation == 0x6B02B625
    assert body.broadcast_address == "10.0.0.1"
