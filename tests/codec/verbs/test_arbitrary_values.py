"""What holds for every declaration of every verb, tried on values drawn from the declarations."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.verbs.table import TABLE
from harness.codec.verbs.wire import decode_struct, encode_struct, field_spans, struct_of
from tests.codec.verbs.arbitrary_values import arbitrary_value, unread_bytes
from tests.codec.verbs.payload_checks import assert_harmless, payload_classes

CLASSES = payload_classes(TABLE.verbs)
SEEDS = st.integers(min_value=0, max_value=2**32 - 1)


@pytest.mark.parametrize("cls", CLASSES)
@given(seed=SEEDS)
@settings(max_examples=12)
def test_what_is_encoded_is_decoded_again(cls: type, seed: int) -> None:
    value = arbitrary_value(struct_of(cls), random.Random(seed))
    data = encode_struct(value)
    decoded: object
    decoded, undecoded_bytes = decode_struct(cls, data)
    assert decoded == value
    assert undecoded_bytes == unread_bytes(value)


@pytest.mark.parametrize("cls", CLASSES)
@given(seed=SEEDS)
@settings(max_examples=12)
def test_broken_payloads_do_no_harm(cls: type, seed: int) -> None:
    rng = random.Random(seed)
    data = encode_struct(arbitrary_value(struct_of(cls), rng))
    if data:
        position = rng.randrange(len(data))
        assert_harmless(cls, data[:position])
        assert_harmless(cls, data[:position] + rng.randbytes(1) + data[position + 1 :])
        assert_harmless(cls, data[:position] + b"\xff\xff\xff\xff" + data[position + 4 :])
    assert_harmless(cls, data + rng.randbytes(3))


@pytest.mark.parametrize("cls", CLASSES)
@given(seed=SEEDS)
@settings(max_examples=6)
def test_fields_follow_one_another(cls: type, seed: int) -> None:
    value = arbitrary_value(struct_of(cls), random.Random(seed))
    data = encode_struct(value)
    position = 0
    for span in field_spans(cls, data):
        assert 0 <= span.start <= span.end <= len(data)
        if "." not in span.path:
            assert span.start == position
            position = span.end
    assert position == len(data) - len(getattr(value, "unread", b""))


@pytest.mark.parametrize("cls", CLASSES)
@given(data=st.binary(max_size=120))
@settings(max_examples=12)
def test_garbage_does_no_harm(cls: type, data: bytes) -> None:
    assert_harmless(cls, data)
