"""What ACK and ACK2 tell is compared state by state, whoever asked first."""

from pathlib import Path

import pytest

from harness.golden.gossip_forms import is_told, told_forms
from harness.golden.vocabulary import FieldForm, vocabulary_of
from tests.golden.real_flows import real_trace

_ENTRY = "states[0][1].application_states"


def told(state: str, value: str, verb: str = "ack") -> dict[str, str]:
    """The structure of one state that a node tells."""
    return {
        f"{verb}.states[]": "1",
        f"{verb}.states[0][0]": "node",
        f"{verb}.states[0][1].heart_beat.version": "number",
        f"{verb}.{_ENTRY}[0][0]": state,
        f"{verb}.{_ENTRY}[0][1].value": value,
        f"{verb}.{_ENTRY}[0][1].version": "number",
    }


def test_a_state_is_the_same_in_both_answers() -> None:
    forms = set(told_forms(told("STATUS", "NORMAL,#")))
    assert forms == {
        ("heart_beat.version", "number"),
        ("state", "STATUS"),
        ("STATUS.value", "NORMAL,#"),
        ("STATUS.version", "number"),
    }
    assert forms == set(told_forms(told("STATUS", "NORMAL,#", "ack2")))


@pytest.mark.parametrize(
    ("state", "value", "form"),
    [
        ("DC", "datacenter1", "a name"),
        ("RACK", "", "nothing"),
        ("CACHE_HITRATES", "ks.t:#;system_auth.roles:#;", "hit rates of tables"),
        ("CACHE_HITRATES", "ks.t:#;system_auth.ro", "hit rates of tables"),
        ("CACHE_HITRATES", "ks.t=#;", "ks.t=#;"),
        ("CACHE_HITRATES", "", ""),
        ("LOAD", "ks.t:#;", "ks.t:#;"),
    ],
)
def test_names_of_a_cluster_s_own_are_left_open(state: str, value: str, form: str) -> None:
    assert (f"{state}.value", form) in set(told_forms(told(state, value)))


def test_digests_are_no_states() -> None:
    assert not is_told("ack.digests[0].endpoint")
    assert is_told(f"ack2.{_ENTRY}[3][1].value")


def test_real_nodes_tell_the_same_states_in_both(reference: Path) -> None:
    vocabulary = vocabulary_of(real_trace(reference, "base/idle_gossip"))
    assert FieldForm("state", "VIEW_BACKLOG") in vocabulary["states told by gossip"].seen
    for verb in ("GOSSIP_DIGEST_ACK", "GOSSIP_DIGEST_ACK2"):
        assert not [form for form in vocabulary[f"{verb} one_way"].seen if "application_states" in form.path]
