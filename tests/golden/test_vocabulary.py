"""What messages look like, verb by verb."""

from pathlib import Path

from harness.golden.vocabulary import FieldForm, merged, vocabulary_differences, vocabulary_of
from tests.golden.made_flows import written
from tests.golden.real_flows import real_trace


def test_fields_are_kept_without_their_place_in_lists() -> None:
    forms = vocabulary_of(written())["MUTATION one_way"]
    assert FieldForm("mutation.key.components[]", "bytes") in forms.seen
    assert FieldForm("reply_to", "its sender") in forms.seen
    assert "timeout" in forms.always


def test_a_run_has_its_own_vocabulary() -> None:
    vocabulary = vocabulary_of(written())
    assert vocabulary_differences(vocabulary, merged([vocabulary, vocabulary])) == ()


def test_verbs_and_forms_that_only_one_has_are_told(reference: Path) -> None:
    quiet = vocabulary_of(real_trace(reference, "base/idle_gossip"))
    busy = vocabulary_of(real_trace(reference, "base/write_rf2"))
    found = {(each.where, each.what) for each in vocabulary_differences(quiet, busy)}
    assert ("MUTATION one_way", "messages") in found
    both = merged([quiet, busy])
    assert not [each for each in vocabulary_differences(both, quiet) if each.first in {"not seen", "nothing"}]


def test_data_and_digest_requests_are_of_one_kind(reference: Path) -> None:
    vocabulary = vocabulary_of(real_trace(reference, "base/read_cl"))
    assert "READ_DATA request" in vocabulary
    assert "READ_DIGEST request" not in vocabulary
    assert "READ_DIGEST reply" in vocabulary
