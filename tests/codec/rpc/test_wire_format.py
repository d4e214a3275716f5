from harness.codec.rpc.frame_reader import ReplyReader, RequestReader, StreamReader
from harness.codec.rpc.negotiation import Negotiated, Negotiation, answer, offer
from harness.codec.rpc.wire_format import WireFormat, format_of, possible_formats, reader_of
from harness.codec.rpc.wrapped_reader import DictionaryNotes, WrappedReader
from harness.codec.rpc.wrapper import LZ4, LZ4_FRAGMENTED, SCYLLA_V3

NAMES = (LZ4_FRAGMENTED, LZ4)


def test_nothing_seen_leaves_every_form_possible_and_plain_ones_first() -> None:
    formats = possible_formats(None, None, None)
    assert formats[:2] == (
        WireFormat(None, is_stream=False, has_timeout=True, has_duration=True),
        WireFormat(None, is_stream=False, has_timeout=True, has_duration=False),
    )
    assert {(form.compression, form.is_stream) for form in formats} == {
        (compression, is_stream)
        for compression in (None, LZ4_FRAGMENTED, LZ4, SCYLLA_V3)
        for is_stream in (False, True)
    }


def test_what_other_connections_negotiated_goes_first() -> None:
    assumed = Negotiated(has_timeout=True, has_duration=False, compression=LZ4, is_stream=False)
    formats = possible_formats(None, None, assumed)
    assert formats[0] == format_of(assumed)
    assert set(formats) == set(possible_formats(None, None, None))


def test_servers_answer_decides_all_but_a_list_of_algorithms() -> None:
    client = offer(compressions=NAMES, has_duration=True)
    server = answer(client, connection_id=1, compressions=NAMES, has_duration=True)
    assert possible_formats(None, server, None) == (
        WireFormat(LZ4_FRAGMENTED, is_stream=False, has_timeout=True, has_duration=True),
    )
    old = answer(client, connection_id=1, compressions=NAMES, answers_whole_list=True)
    assert [form.compression for form in possible_formats(None, old, None)] == [LZ4_FRAGMENTED, LZ4]
    stream = answer(offer(stream_parent=3), connection_id=1)
    assert possible_formats(None, stream, None) == (
        WireFormat(None, is_stream=True, has_timeout=False, has_duration=False),
    )


def test_clients_offer_limits_what_is_possible() -> None:
    assert possible_formats(offer(), None, None) == (
        WireFormat(None, is_stream=False, has_timeout=True, has_duration=False),
    )
    forms = possible_formats(offer(compressions=NAMES, has_duration=True), None, None)
    assert {(form.compression, form.has_duration) for form in forms} == {
        (name, has_duration) for name in (LZ4_FRAGMENTED, LZ4, None) for has_duration in (True, False)
    }
    assert all(form.is_stream for form in possible_formats(offer(stream_parent=1), None, None))
    assert not any(form.has_timeout for form in possible_formats(Negotiation(()), None, None))


def test_each_direction_has_its_reader() -> None:
    notes = DictionaryNotes(is_complete=True)
    plain = WireFormat(None, is_stream=False, has_timeout=True, has_duration=False)
    assert isinstance(reader_of(plain, notes, from_client=True), RequestReader)
    assert isinstance(reader_of(plain, notes, from_client=False), ReplyReader)
    assert isinstance(reader_of(plain._replace(is_stream=True), notes, from_client=True), StreamReader)
    assert isinstance(reader_of(plain._replace(compression=LZ4), notes, from_client=True), WrappedReader)
