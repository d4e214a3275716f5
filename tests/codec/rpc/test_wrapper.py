import uuid
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.rpc.wrapper import (
    CONTROL_BLOCK_BYTES,
    ControlBlock,
    ControlKind,
    decode_control_block,
    encode_control_block,
)
from harness.errors import DecodeError, EncodeError, HarnessError
from tests.codec.rpc.examples import V3_RAW_CONTROL

NO_DICTIONARY = uuid.UUID(int=0)

# Laid out by hand: update, epoch 5, algorithms 0 to 2, a dictionary made at 1024.
WITH_DICTIONARY = bytes.fromhex(
    "01 0500000000000000 07 8877665544332211 ffeeddccbbaa0099 0004000000000000" + "ab" * 32
)
DICTIONARY = ControlBlock(
    kind=ControlKind.UPDATE,
    epoch=5,
    algorithms=7,
    dictionary_id=uuid.UUID("9900aabb-ccdd-eeff-1122-334455667788"),
    dictionary_timestamp=1024,
    dictionary_sha256=b"\xab" * 32,
)


def test_block_of_a_cluster_without_dictionary() -> None:
    block = decode_control_block(V3_RAW_CONTROL, 9)
    assert block == ControlBlock(
        kind=ControlKind.UPDATE,
        epoch=4,
        algorithms=1,
        dictionary_id=NO_DICTIONARY,
        dictionary_timestamp=0,
        dictionary_sha256=bytes(32),
    )
    assert not block.has_dictionary
    assert encode_control_block(block) == V3_RAW_CONTROL[9 : 9 + CONTROL_BLOCK_BYTES]


def test_block_names_its_dictionary() -> None:
    assert len(WITH_DICTIONARY) == CONTROL_BLOCK_BYTES
    assert decode_control_block(WITH_DICTIONARY, 0) == DICTIONARY
    assert DICTIONARY.has_dictionary
    assert encode_control_block(DICTIONARY) == WITH_DICTIONARY


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(DecodeError):
        decode_control_block(b"\x03" + WITH_DICTIONARY[1:], 0)


@pytest.mark.parametrize(
    "block",
    [
        replace(DICTIONARY, epoch=-1),
        replace(DICTIONARY, algorithms=256),
        replace(DICTIONARY, dictionary_timestamp=1 << 64),
        replace(DICTIONARY, dictionary_sha256=b"short"),
    ],
)
def test_block_that_cannot_exist_is_refused(block: ControlBlock) -> None:
    with pytest.raises(EncodeError):
        encode_control_block(block)


@settings(max_examples=100)
@given(st.binary(min_size=CONTROL_BLOCK_BYTES, max_size=CONTROL_BLOCK_BYTES))
def test_garbage_raises_nothing_but_harness_errors(data: bytes) -> None:
    try:
        block = decode_control_block(data, 0)
    except HarnessError:
        return
    assert encode_control_block(block) == data
