import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cassandra.protocol import ProtocolHandler
from hypothesis import given
from hypothesis import strategies as st

from harness.codec.cql.connection import ConnectionDecoder
from harness.codec.cql.frame import Frame, encode_frame
from harness.codec.cql.literals import cql_literal
from harness.codec.cql.messages import (
    AuthChallenge,
    Authenticate,
    AuthSuccess,
    Content,
    Message,
    Ready,
    Supported,
    decode_message,
    encode_message,
    frame_of,
)
from harness.codec.cql.requests import Execute, Options, Query, Startup
from harness.codec.cql.results import Rows, Void, decode_values
from harness.codec.cql.statements import Statements
from harness.codec.cql.types import SetType
from harness.codec.cql.values import encode_value
from harness.errors import DecodeError, HarnessError
from tests.codec.cql.captures import captures, cql_bytes
from tests.codec.cql.real_frames import (
    PREPARED,
    REQUESTS,
    RESPONSES,
    ROWS,
    ROWS_TRACED,
    SCHEMA_CHANGED_WITH_WARNING,
    STARTUP,
    SUPPORTED,
)


def _frame(data: bytes) -> Frame:
    (frame,) = ConnectionDecoder(syn_seen=True).feed(data[0] < 0x80, data, 0)
    return frame


def _decode(data: bytes) -> Message:
    frame = _frame(data)
    return decode_message(frame.version, frame.from_client, frame.flags, frame.opcode, frame.body)


@pytest.mark.parametrize("data", REQUESTS + RESPONSES)
def test_real_frames_decode_to_the_last_byte_and_encode_the_same(data: bytes) -> None:
    message = _decode(data)
    assert message.rest == b""
    frame = _frame(data)
    assert frame_of(frame.version, frame.stream_id, message) == frame
    assert encode_frame(frame_of(frame.version, frame.stream_id, message)) == data


@pytest.mark.parametrize("data", REQUESTS + RESPONSES)
def test_bodies_cut_short_are_refused_or_have_less(data: bytes) -> None:
    whole = _decode(data)
    frame = _frame(data)
    for end in range(len(frame.body)):
        with suppress(DecodeError):
            part = decode_message(
                frame.version, frame.from_client, frame.flags, frame.opcode, frame.body[:end]
            )
            assert part != whole


@pytest.mark.parametrize("data", REQUESTS + RESPONSES)
def test_what_follows_the_body_is_kept(data: bytes) -> None:
    frame = _frame(data)
    message = decode_message(frame.version, frame.from_client, frame.flags, frame.opcode, frame.body + b"new")
    assert message.rest == b"new"
    assert encode_message(frame.version, message) == frame.body + b"new"


def test_tracing_id_stands_first_in_a_traced_response() -> None:
    message = _decode(ROWS_TRACED)
    assert message.tracing_id == UUID("ad1b3260-e657-11f1-ab3d-fc39efbf74df")
    assert isinstance(message.content, Rows)
    assert message.content.values() == ((17, None, "Germany"),)


def test_warnings_stand_before_the_result() -> None:
    (warning,) = _decode(SCHEMA_CHANGED_WITH_WARNING).warnings or ()
    assert warning.startswith("Using Replication Factor replication_factor=2 lower than")


def test_tracing_warnings_and_payload_stand_in_this_order() -> None:
    message = Message(
        content=Void(),
        tracing_id=UUID(int=1),
        warnings=("w",),
        custom_payload=(("k", b"\x07"),),
    )
    body = bytes.fromhex("00" * 15 + "010001 0001 770001 0001 6b 00000001 0700000001")
    assert message.flags == 0x0E
    assert encode_message(4, message) == body
    assert decode_message(4, False, 0x0E, 8, body) == message
    by_driver = ProtocolHandler.decode_message(4, {}, 0, 0x0E, 8, body, None, None)
    assert (by_driver.trace_id, by_driver.warnings, by_driver.custom_payload) == (
        UUID(int=1),
        ["w"],
        {"k": b"\x07"},
    )


def test_request_with_a_custom_payload_and_tracing() -> None:
    message = Message(content=Options(), is_traced=True, is_beta=True, custom_payload=(("k", None),))
    body = bytes.fromhex("0001 0001 6b ffffffff")
    assert message.flags == 0x16
    assert encode_message(4, message) == body
    assert decode_message(4, True, 0x16, 5, body) == message


@pytest.mark.parametrize(
    ("opcode", "text", "content"),
    [
        (2, "", Ready()),
        (3, "0005 506c61696e", Authenticate(authenticator="Plain")),
        (14, "00000001 07", AuthChallenge(token=b"\x07")),
        (16, "ffffffff", AuthSuccess(token=None)),
        (6, "0001 0001 61 0001 0001 62", Supported(options=(("a", ("b",)),))),
    ],
)
def test_other_responses_stand_so_on_the_wire(opcode: int, text: str, content: Content) -> None:
    body = bytes.fromhex(text)
    message = Message(content=content)
    assert decode_message(4, False, 0, opcode, body) == message
    assert encode_message(4, message) == body
    assert frame_of(4, 3, message).opcode == opcode


def test_options_are_pairs_in_the_order_of_the_wire() -> None:
    startup, supported = _decode(STARTUP).content, _decode(SUPPORTED).content
    assert isinstance(startup, Startup)
    assert dict(startup.options)["CQL_VERSION"] == "3.3.1"
    assert isinstance(supported, Supported)
    assert supported.options[0] == ("COMPRESSION", ("lz4", "snappy"))


def test_extensions_change_the_layout_of_version_4() -> None:
    extensions = frozenset({"SCYLLA_USE_METADATA_ID"})
    # After the kind and the id of the statement, 2 + 16 bytes.
    body = PREPARED[9:31] + b"\x00\x01\x05" + PREPARED[31:]
    message = decode_message(4, False, 0, 8, body, extensions=extensions)
    assert encode_message(4, message, extensions=extensions) == body
    assert message.rest == b""


def test_opcode_of_the_other_direction_is_refused() -> None:
    with pytest.raises(DecodeError):
        decode_message(4, True, 0, 8, ROWS[9:])
    with pytest.raises(DecodeError):
        decode_message(4, False, 0, 7, b"")


@given(
    version=st.sampled_from([3, 4, 5]),
    from_client=st.booleans(),
    flags=st.integers(0, 31),
    opcode=st.integers(-1, 18),
    body=st.binary(max_size=80),
)
def test_garbage_raises_only_harness_errors(
    version: int, flags: int, opcode: int, body: bytes, *, from_client: bool
) -> None:
    with suppress(HarnessError):
        message = decode_message(version, from_client, flags, opcode, body)
        if isinstance(message.content, Rows):
            message.content.values()


@given(data=st.data())
def test_damaged_frames_raise_only_harness_errors(data: st.DataObject) -> None:
    frame = _frame(data.draw(st.sampled_from(REQUESTS + RESPONSES)))
    body = bytearray(frame.body)
    for _ in range(3):
        if body:
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(HarnessError):
        message = decode_message(frame.version, frame.from_client, frame.flags, frame.opcode, bytes(body))
        if isinstance(message.content, Rows):
            message.content.values()


def _messages(path: Path) -> list[tuple[bytes, Frame, Message, tuple[object, ...] | None]]:
    """All messages of a capture, with the values bound by an EXECUTE; checks each against its bytes."""
    decoders: dict[bytes, ConnectionDecoder] = {}
    statements = Statements()
    messages = []
    for item in cql_bytes(path):
        decoder = decoders.get(item.connection)
        if decoder is None:
            decoder = decoders[item.connection] = ConnectionDecoder(syn_seen=item.syn_seen)
        for frame in decoder.feed(item.from_client, item.data, item.packet):
            awaited = None
            if not frame.from_client:
                awaited = statements.awaited(item.connection, frame.stream_id)
            message = decode_message(
                frame.version,
                frame.from_client,
                frame.flags,
                frame.opcode,
                frame.body,
                None if awaited is None else awaited.result_columns,
            )
            assert message.rest == b"", (path, frame)
            assert message.flags == frame.flags, (path, frame)
            assert encode_message(frame.version, message) == frame.body, (path, frame)
            values = None
            if frame.from_client:
                prepared = statements.see_request(item.connection, frame.stream_id, message.content)
                if isinstance(message.content, Execute):
                    assert prepared is not None, (path, frame)
                    values = decode_values(prepared.bound_columns, message.content.parameters.values)
            else:
                statements.see_response(item.connection, frame.stream_id, message.content)
            messages.append((item.connection, frame, message, values))
    return messages


@pytest.mark.reference
def test_every_frame_of_the_captures_is_understood_to_its_last_byte(reference: Path) -> None:
    """Source: all captures of ScyllaDB 4.2.4 and 2025.1.15, the stock cassandra-driver being the client."""
    cells = 0
    for path in captures(reference):
        for _, _, message, _ in _messages(path):
            if not isinstance(message.content, Rows):
                continue
            columns = message.content.columns
            for row, values in zip(message.content.rows, message.content.values(), strict=True):
                for column, cell, value in zip(columns, row, values, strict=True):
                    cells += 1
                    assert cql_literal(column.type, value)
                    encoded = encode_value(column.type, value)
                    if isinstance(column.type, SetType):
                        # ScyllaDB writes system_schema.tables.flags in an order of its own.
                        assert sorted(encoded or b"") == sorted(cell or b"")
                    else:
                        assert encoded == cell, (path, column, value)
    assert cells > 100_000


def _driver_text(value: object) -> object:
    """A value as the stock driver's repr shows it."""
    match type(value).__name__:
        case "date":
            return f"Date({(value.toordinal() - 719163)})"  # type: ignore[attr-defined]
        case "TimeOfDay":
            return f"Time({value.nanoseconds})"  # type: ignore[attr-defined]
        case "Duration":
            return f"Duration({value.months}, {value.days}, {value.nanoseconds})"  # type: ignore[attr-defined]
        case "IPv4Address" | "IPv6Address":
            return repr(str(value))
        case "dict":
            pairs = list(value.items())  # type: ignore[attr-defined]
            return f"OrderedMapSerializedKey({pairs!r})"
        case "frozenset":
            return f"SortedSet({sorted(value)!r})"  # type: ignore[call-overload]
        case _:
            return repr(value)


def _row_text(rows: Rows, values: tuple[object, ...]) -> str:
    parts = []
    for column, value in zip(rows.columns, values, strict=True):
        # The driver's named tuples take no name that starts with an underscore, brackets or a dot.
        name = re.sub(r"[^a-zA-Z0-9_]", "_", column.name).strip("_")
        text = _driver_text(value)
        if str(column.type) == "addr" and isinstance(value, dict):
            text = "addr(" + ", ".join(f"{field}={item!r}" for field, item in value.items()) + ")"
        parts.append(f"{name}={text}")
    return f"Row({', '.join(parts)})"


@pytest.mark.reference
@pytest.mark.parametrize("line", ["scylla-4.2", "scylla-2025.1"])
@pytest.mark.parametrize("name", ["types_and_large", "range_scan", "counter", "lwt_conditions", "index_read"])
def test_rows_are_those_that_the_client_was_given(reference: Path, line: str, name: str) -> None:
    """The recorded client printed its rows; the same text comes from the bytes of the capture."""
    path = reference / line / "base" / f"{name}.pcapng"
    steps: list[dict[str, Any]] = json.loads(path.with_suffix(".json").read_text())["steps"]
    asked: dict[tuple[bytes, int], str] = {}
    seen: dict[str, list[list[str]]] = {}
    for connection, frame, message, _ in _messages(path):
        if isinstance(message.content, Query):
            asked[connection, frame.stream_id] = message.content.query
        elif isinstance(message.content, Rows):
            query = asked.get((connection, frame.stream_id))
            if query is not None:
                rows = message.content
                seen.setdefault(query, []).append([_row_text(rows, values) for values in rows.values()])
    compared = 0
    for step in steps:
        expected = step.get("rows")
        if not expected or step.get("error"):
            continue
        results = seen.get(step["cql"])
        if results is None:
            continue
        # The same statement may have been sent before; its answer, all pages of it, is among the answers.
        pages = [
            [row for page in results[start:end] for row in page]
            for start in range(len(results))
            for end in range(start + 1, len(results) + 1)
        ]
        assert expected in pages, (step["cql"], expected)
        compared += len(expected)
    assert compared
