from ipaddress import ip_address

import pytest

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.cql.events import (
    Change,
    Event,
    OtherChange,
    SchemaChange,
    StatusChange,
    TopologyChange,
    decode_event,
    encode_event,
)
from harness.codec.cql.notation import Endpoint
from harness.errors import DecodeError
from tests.codec.cql.real_frames import SCHEMA_EVENT, STATUS_EVENT, TOPOLOGY_EVENT


@pytest.mark.parametrize(
    ("data", "event_type", "change"),
    [
        (
            SCHEMA_EVENT[9:],
            "SCHEMA_CHANGE",
            SchemaChange(change="CREATED", target="KEYSPACE", keyspace="demo2"),
        ),
        (
            STATUS_EVENT[9:],
            "STATUS_CHANGE",
            StatusChange(change="UP", node=Endpoint(ip_address("172.31.9.13"), 9042)),
        ),
        (
            TOPOLOGY_EVENT[9:],
            "TOPOLOGY_CHANGE",
            TopologyChange(change="NEW_NODE", node=Endpoint(ip_address("172.31.9.14"), 9042)),
        ),
        (
            b"\x00\x0dSCHEMA_CHANGE\x00\x07CREATED\x00\x08FUNCTION\x00\x02ks\x00\x01f\x00\x01\x00\x03int",
            "SCHEMA_CHANGE",
            SchemaChange(
                change="CREATED", target="FUNCTION", keyspace="ks", name="f", argument_types=("int",)
            ),
        ),
        (
            b"\x00\x0dSCHEMA_CHANGE\x00\x07UPDATED\x00\x04TYPE\x00\x02ks\x00\x01t",
            "SCHEMA_CHANGE",
            SchemaChange(change="UPDATED", target="TYPE", keyspace="ks", name="t"),
        ),
        (b"\x00\x04MOON", "MOON", OtherChange(event_type="MOON")),
    ],
)
def test_events_stand_so_on_the_wire(data: bytes, event_type: str, change: Change) -> None:
    reader = ByteReader(data, layer="cql")
    event = decode_event(reader)
    assert reader.remaining == 0
    assert event == Event(change=change)
    assert event.event_type == event_type
    writer = ByteWriter()
    encode_event(event, writer)
    assert writer.getvalue() == data


@pytest.mark.parametrize(
    "data", [b"", STATUS_EVENT[9:-1], b"\x00\x0dSTATUS_CHANGE\x00\x02UP\x03\x00\x00\x00"]
)
def test_bytes_that_break_the_layout_are_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_event(ByteReader(data, layer="cql"))
