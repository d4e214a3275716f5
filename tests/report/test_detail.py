from harness.events.message import Kind
from harness.report.detail import PAYLOAD_BYTES_MAX, detail_of
from tests.events.messages import MUTATION_REQUEST, SURROUNDINGS, message, query


def test_a_message_is_taken_apart() -> None:
    detail = detail_of(message(), None, SURROUNDINGS)
    assert detail.payload == MUTATION_REQUEST
    assert [node.name for node in detail.fields][:2] == ["mutation", "forward"]
    assert detail.contents[0].name == "ks.t"
    assert detail.undecoded_bytes == 0


def test_a_statement_is_taken_apart() -> None:
    assert detail_of(query("SELECT 1"), None, SURROUNDINGS).fields[0].text == "SELECT 1"


def test_what_cannot_be_decoded_has_bytes_alone() -> None:
    detail = detail_of(message(payload=b"\x01\x02"), None, SURROUNDINGS)
    assert (detail.fields, detail.contents, detail.payload) == ((), (), b"\x01\x02")
    assert detail.undecoded_bytes == 2


def test_of_a_large_payload_the_beginning_is_kept() -> None:
    large = message(Kind.REQUEST, 93, bytes(PAYLOAD_BYTES_MAX + 1))
    detail = detail_of(large, None, SURROUNDINGS)
    assert len(detail.payload) == PAYLOAD_BYTES_MAX
    assert detail.payload_bytes == PAYLOAD_BYTES_MAX + 1
