"""What nodes say of themselves by gossip, state by state.

A state goes as ACK to who has asked for everything newer, as ACK2 to who was asked and lacks it: that depends on who
asks first. So both are taken together, and of each state it is compared what it may hold.

Source:
    Scylla, gms/gossiper.cc (handle_ack_msg, do_send_ack_msg), gms/application_state.hh,
    service/misc_services.cc (cache_hitrate_calculator: the tables of a hash map, in whatever order).
"""

import re
from collections.abc import Iterator

from harness.golden.structure import Structure

_TOLD = re.compile(r"^ack2?\.states\[\d+\]\[1\]\.")
_STATE = re.compile(r"(.*application_states\[\d+\])\[(\d)\](.*)")
_RATES = re.compile(r"\w+\.\w+:#;")
_REST = re.compile(r"[\w.]*:?")
"""Of a text that was cut."""
_NAMES = frozenset({"DC", "RACK"})
_HIT_RATES = "CACHE_HITRATES"


def is_told(path: str) -> bool:
    """Whether a field of an ACK or ACK2 is what nodes say of themselves or of others."""
    return _TOLD.match(path) is not None


def told_forms(structure: Structure) -> Iterator[tuple[str, str]]:
    """What an ACK or ACK2 tells: paths that begin with the name of a state, and what they hold."""
    for path, text in structure.items():
        if not is_told(path) or path.endswith("[]"):
            continue
        found = _STATE.fullmatch(path)
        if found is None:
            yield _TOLD.sub("", path), text
            continue
        entry, place, rest = found.groups()
        state = structure[f"{entry}[0]"]
        if place == "0":
            yield "state", state
        else:
            yield f"{state}{rest}", _said(state, rest, text)


def _said(state: str, rest: str, text: str) -> str:
    """What a state holds, without what each cluster calls by names of its own."""
    if rest != ".value":
        return text
    if state in _NAMES:
        return "a name" if text else "nothing"
    if state == _HIT_RATES and text and _REST.fullmatch(_RATES.sub("", text)):
        return "hit rates of tables"
    return text
