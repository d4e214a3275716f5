"""Bodies of real clusters: every request, reply and stream frame of every capture, to its last byte and back."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.codec.verbs.group0 import decode_group0_command, group0_command_of
from harness.codec.verbs.line import Line
from harness.codec.verbs.raft import AddEntryRequest, AppendEntriesRequest
from harness.codec.verbs.registry import Role, encode_payload
from harness.codec.verbs.table import TABLE
from harness.codec.verbs.to_plain import to_plain
from harness.codec.verbs.wire import encode_struct
from harness.dissect.native import NativeDissector
from harness.events.message import Kind, Message, Protocol

pytestmark = pytest.mark.reference

_SCENARIOS = ("base", "bulk", "errors", "faults", "multidc", "shards", "topology", "views")
FOLDERS = [
    *((Line.V4_2, f"scylla-4.2/{scenario}") for scenario in _SCENARIOS),
    *((Line.V2025_1, f"scylla-2025.1/{scenario}") for scenario in (*_SCENARIOS, "compression", "tablets")),
]
_READ_BYTES = 1 << 20


def captures_of(folder: Path) -> list[Path]:
    # The captures of whole runs hold the same traffic as the others.
    return sorted(path for path in folder.glob("*.pcapng") if not path.name.startswith("whole_"))


def messages_of(path: Path, dissector: NativeDissector) -> Iterator[Message]:
    with path.open("rb") as file:
        while data := file.read(_READ_BYTES):
            yield from dissector.feed(data)
    yield from dissector.close()


def role_of(message: Message) -> Role | None:
    match message.kind:
        case Kind.REQUEST | Kind.ONE_WAY:
            return Role.REQUEST
        case Kind.REPLY:
            return Role.REPLY
        case Kind.STREAM_DATA:
            return Role.SINK if message.from_client else Role.SOURCE
        case _:
            return None


def assert_commands_of_group_0(body: object) -> None:
    """Decode what the log carries; no other group exists in these clusters."""
    if isinstance(body, AddEntryRequest):
        assert encode_struct(decode_group0_command(body.command)) == body.command
    elif isinstance(body, AppendEntriesRequest):
        for entry in body.append.entries:
            command = group0_command_of(entry)
            assert command is None or encode_struct(command) == entry.data


@pytest.mark.parametrize(("line", "folder"), FOLDERS, ids=[folder for _, folder in FOLDERS])
def test_bodies_decode_to_the_last_byte_and_encode_to_the_same(
    reference: Path, line: Line, folder: str
) -> None:
    paths = captures_of(reference / folder)
    assert paths
    for path in paths:
        # Pings and the like come a thousand times with the same bytes; once is enough.
        seen: set[tuple[int, Role, bytes]] = set()
        dissector = NativeDissector(line=line)
        for message in messages_of(path, dissector):
            role = role_of(message)
            if message.protocol is not Protocol.RPC or role is None:
                continue
            if message.verb is None:
                # Nothing names the type of a reply whose request lies before the capture, or in a hole of it.
                assert message.request is None
                assert not message.connection.syn_seen
                continue
            key = message.verb, role, message.payload
            if key in seen:
                continue
            seen.add(key)
            where = f"{path.name}, packet {message.frame_last}: {message.verb_name} {message.kind.value}"
            decoded = TABLE.decode(message.verb, line, role, message.payload)
            assert decoded.body is not None, where
            assert decoded.undecoded_bytes == 0, where
            assert encode_payload(decoded.body) == message.payload, where
            assert json.dumps(to_plain(decoded.body)), where
            assert_commands_of_group_0(decoded.body)
            assert line in TABLE.by_number[message.verb].evidence, where
        assert seen, path.name


def test_no_folder_of_captures_is_left_out(reference: Path) -> None:
    found = {path.parent.relative_to(reference).as_posix() for path in reference.rglob("*.pcapng")}
    assert found == {folder for _, folder in FOLDERS}
