"""What the messages of a run look like, verb by verb, whoever sends them and how often.

For what goes on beside statements: gossip, changes of the schema, nodes that join and leave, repair, hints. How much of
it there is depends on time and data, and so does which part of the many forms of a message a run shows; so fields are
compared one by one, without the places in lists.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from harness.events.message import Kind, Message, Protocol
from harness.events.trace import Trace
from harness.golden.compare import Difference, unnumbered_text
from harness.golden.gossip_forms import is_told, told_forms
from harness.golden.naming import Naming
from harness.golden.structure import structure_of

_PLACE = re.compile(r"\[\d+\]")
_NAMED = re.compile(r"components\[\d+\]$|\.name$")
_TABLE = re.compile(r"id of (?!system)[\w.]+$")
_SAME = {"READ_DIGEST": "READ_DATA"}
"""Which replica is asked for which of both is chance; their requests are of one kind."""
_NODE = "node"
_TELLING = frozenset({"GOSSIP_DIGEST_ACK", "GOSSIP_DIGEST_ACK2"})
_TOLD = "states told by gossip"


class FieldForm(NamedTuple):
    """A field with something that it may hold."""

    path: str
    text: str


class VerbForms(NamedTuple):
    """What the messages of a verb and kind look like."""

    always: frozenset[str]
    """Paths that each of them has."""
    seen: frozenset[FieldForm]


Vocabulary = Mapping[str, VerbForms]
"""By verb and kind, such as ``GOSSIP_DIGEST_SYN one_way``; what ACK and ACK2 tell stands under one name."""


def vocabulary_of(trace: Trace, messages: Iterable[Message] | None = None) -> Vocabulary:
    """The vocabulary of the messages between nodes.

    Args:
        trace: where names of nodes and tables come from.
        messages: some of its messages; None: all.
    """
    naming = Naming(trace.schema, {node.address: _NODE for node in trace.topology.nodes})
    seen: defaultdict[str, set[FieldForm]] = defaultdict(set)
    always: dict[str, frozenset[str]] = {}
    for message in trace if messages is None else messages:
        if message.protocol is not Protocol.RPC or not message.verb_name:
            continue
        verb = message.verb_name
        if message.kind is Kind.REQUEST:
            verb = _SAME.get(verb, verb)
        name = f"{verb} {message.kind.value}"
        structure = structure_of(message, naming)
        forms = {
            FieldForm(_PLACE.sub("[]", path), _form_text(path, text))
            for path, text in structure.items()
            if not path.endswith("[]") and not (verb in _TELLING and is_told(path))
        }
        if verb in _TELLING:
            seen[_TOLD] |= {FieldForm(path, text) for path, text in told_forms(structure)}
            always[_TOLD] = frozenset()
        paths = frozenset(form.path for form in forms)
        always[name] = always.get(name, paths) & paths
        seen[name] |= forms
    return {name: VerbForms(always[name], frozenset(forms)) for name, forms in seen.items()}


def _form_text(path: str, text: str) -> str:
    """What a field holds, keys and names of whatever length, tables of clients of whatever name."""
    if _NAMED.search(path) and text.endswith(" bytes"):
        return "bytes"
    return _TABLE.sub("id of a table", unnumbered_text(path, text))


def merged(vocabularies: Iterable[Vocabulary]) -> Vocabulary:
    """The vocabulary of several runs together."""
    found: dict[str, VerbForms] = {}
    for vocabulary in vocabularies:
        for name, forms in vocabulary.items():
            before = found.get(name, forms)
            found[name] = VerbForms(before.always & forms.always, before.seen | forms.seen)
    return found


def vocabulary_differences(first: Vocabulary, second: Vocabulary) -> tuple[Difference, ...]:
    """Verbs and forms that only one has; fields that it always has and the other not always."""
    found: list[Difference] = []
    for name in sorted({*first, *second}):
        if name not in first or name not in second:
            found.append(
                Difference(
                    name, "messages", *("some" if name in side else "nothing" for side in (first, second))
                )
            )
            continue
        ours, theirs = first[name], second[name]
        found += [
            Difference(name, path, "always", "not always") for path in sorted(ours.always - theirs.always)
        ]
        found += [
            Difference(name, path, "not always", "always") for path in sorted(theirs.always - ours.always)
        ]
        found += [
            Difference(name, form.path, form.text, "not seen") for form in sorted(ours.seen - theirs.seen)
        ]
        found += [
            Difference(name, form.path, "not seen", form.text) for form in sorted(theirs.seen - ours.seen)
        ]
    return tuple(found)
