"""Never captured: bytes are composed by hand."""

from harness.codec.verbs.backup import BackupRequest
from tests.codec.verbs.payload_checks import assert_payload


def test_sstables_go_to_object_storage() -> None:
    token = "14000000 01000000 08000000 c78499982ae4e0cf"
    request = assert_payload(
        BackupRequest,
        f"{'11' * 16} 02000000 7431 02000000 7333 01000000 62 01000000 70"
        f"{token} {token} 01000000 {'22' * 16} 01",
    )
    assert (request.tag, request.endpoint, request.bucket, request.prefix) == ("t1", "s3", "b", "p")
    assert request.first_token.value == request.last_token.value == -4069959284402364209
    assert request.use_move
