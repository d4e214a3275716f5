import json
import uuid
from enum import IntEnum
from typing import Annotated

import pytest

from harness.codec.verbs.group0 import decode_group0_command
from harness.codec.verbs.raft import AppendEntriesReplyRequest, ExecuteReadBarrierReply, PingReply
from harness.codec.verbs.table import TABLE
from harness.codec.verbs.to_plain import _struct_converter, to_plain
from harness.codec.verbs.wire import (
    ABSENT,
    PLAIN,
    U8,
    U64,
    WRITABLE,
    Absent,
    Blob,
    Flag,
    Monostate,
    Number,
    Text,
    Uuid,
    arguments,
    decode_struct,
    final,
    sized,
    struct_of,
)
from tests.codec.verbs.payload_checks import payload_classes
from tests.codec.verbs.test_group0 import COMMAND

ID = uuid.UUID("01234567-89ab-11e0-8123-456789abcdef")


class Colour(IntEnum):
    RED = 1


@sized
class Leaf:
    colour: Annotated[int, Number("u8", Colour)]
    number: U64


@final
class Twig:
    id: Uuid


@arguments
class Tree:
    leaf: Leaf
    variant: Annotated[Monostate | Blob | tuple[Twig, ...] | Annotated[Leaf | Twig, WRITABLE], PLAIN]
    pairs: tuple[tuple[Text, Leaf | None], ...]
    flag: Flag
    last: U8 | Absent = ABSENT


def tree(variant: Monostate | bytes | tuple[Twig, ...] | Leaf | Twig) -> Tree:
    return Tree(leaf=Leaf(colour=1, number=2**64 - 1), variant=variant, pairs=(), flag=True)


def plain_variant(variant: Monostate | bytes | tuple[Twig, ...] | Leaf | Twig) -> object:
    plain = to_plain(tree(variant))
    assert isinstance(plain, dict)
    return plain["variant"]


def test_fields_in_wire_order_without_absent_ones() -> None:
    plain = to_plain(tree(b"\x01\xab"))
    assert plain == {
        "leaf": {"colour": 1, "number": 2**64 - 1},
        "variant": "01ab",
        "pairs": [],
        "flag": True,
    }
    assert isinstance(plain, dict)
    assert list(plain) == ["leaf", "variant", "pairs", "flag"]


def test_absent_field_appears_when_it_is_there() -> None:
    plain = to_plain(Tree(leaf=Leaf(colour=9, number=0), variant=b"", pairs=(), flag=False, last=7))
    assert isinstance(plain, dict)
    assert plain["last"] == 7


def test_named_number_becomes_its_name() -> None:
    leaf, _ = decode_struct(Leaf, bytes.fromhex("0d000000 01 0500000000000000"))
    assert to_plain(leaf) == {"colour": "RED", "number": 5}
    leaf, _ = decode_struct(Leaf, bytes.fromhex("0d000000 02 0500000000000000"))
    assert to_plain(leaf) == {"colour": 2, "number": 5}


def test_classes_in_a_variant_begin_with_their_name() -> None:
    assert plain_variant(Monostate()) == {"type": "Monostate"}
    assert plain_variant(Twig(id=ID)) == {"type": "Twig", "id": str(ID)}
    assert plain_variant(Leaf(colour=1, number=2)) == {"type": "Leaf", "colour": 1, "number": 2}


def test_other_alternatives_stand_as_themselves() -> None:
    assert plain_variant(b"") == ""
    assert plain_variant((Twig(id=ID),)) == [{"id": str(ID)}]


def test_maps_are_lists_of_pairs() -> None:
    value = Tree(
        leaf=Leaf(colour=1, number=0),
        variant=b"",
        pairs=(("a", None), ("b", Leaf(colour=1, number=3))),
        flag=True,
    )
    plain = to_plain(value)
    assert isinstance(plain, dict)
    assert plain["pairs"] == [["a", None], ["b", {"colour": 1, "number": 3}]]


def test_text_that_is_not_utf_8_can_be_written_to_a_file() -> None:
    assert to_plain("grün") == "grün"
    assert to_plain(b"a\xff\xc3".decode("utf-8", "surrogateescape")) == "a\\xff\\xc3"


def test_unread_bytes_are_shown_only_where_there_are_some() -> None:
    leaf, _ = decode_struct(Leaf, bytes.fromhex("0f000000 01 0500000000000000 abcd"))
    assert to_plain(leaf) == {"colour": "RED", "number": 5, "unread": "abcd"}


def test_values_of_fields_by_themselves() -> None:
    assert to_plain(None) is None
    assert to_plain(ABSENT) is None
    assert to_plain((b"a", (1, True))) == ["61", [1, True]]
    assert to_plain(ID) == str(ID)
    assert to_plain(Colour.RED) == "RED"


def test_real_bodies() -> None:
    # As in test_raft.
    ping, _ = decode_struct(PingReply, bytes.fromhex("0a000000020500000001"))
    assert to_plain(ping) == {"result": {"result": {"type": "GroupLiveness", "is_group0_alive": True}}}
    barrier, _ = decode_struct(ExecuteReadBarrierReply, bytes.fromhex("010c0000001600000000000000"))
    assert to_plain(barrier) == {"result": 22}
    reply, _ = decode_struct(
        AppendEntriesReplyRequest,
        bytes.fromhex(
            f"{'14000000' + '11' * 16}{'14000000' + '22' * 16}{'14000000' + '33' * 16}"
            "2d0000000c00000001000000000000000c000000020000000000000001100000000c0000000200000000000000"
        ),
    )
    plain = to_plain(reply)
    assert isinstance(plain, dict)
    assert plain["reply"] == {
        "current_term": 1,
        "commit_index": 2,
        "result": {"type": "AppendAccepted", "last_new_index": 2},
    }


def test_cells_of_a_mutation_name_their_kind() -> None:
    text = json.dumps(to_plain(decode_group0_command(bytes.fromhex(COMMAND))))
    assert '"marker": {"type": "NoMarker"}' in text
    assert '"cell": {"type": "LiveCell", "timestamp": 1795339894666503, "value": "53554343455353"}' in text


@pytest.mark.parametrize("cls", payload_classes(TABLE.verbs), ids=lambda cls: cls.__name__)
def test_no_alternative_of_the_table_has_a_field_type(cls: type) -> None:
    # Compiling the converter is what raises TypeError.
    assert callable(_struct_converter(struct_of(cls)))


def test_alternative_with_a_field_type_is_refused() -> None:
    @sized
    class Typed:
        type: U8

    @arguments
    class Choice:
        value: Annotated[Typed | Monostate, PLAIN]

    with pytest.raises(TypeError, match="type"):
        to_plain(Choice(value=Monostate()))
