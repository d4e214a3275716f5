"""Patterns: which messages a step of a claim means. Plain data, built by the functions of this package.

A pattern claims only what it is told; everything else of a message is free.

========================  =================================================================================
claim                     holds for a message
========================  =================================================================================
``sender, receiver``      from or to that node (name, address, anything with a ``name``); of several: any;
                          ``CLIENT`` for who speaks CQL
``table``                 whose payload names the table, ``"ks.t"``; an answer has the table of its request
``key``                   of that partition: one value, or a tuple, as CQL values of the table's types
``timeout_ms``            with that timeout in its header
``body``, keywords        whose payload has that value in a field: ``accepted=True``,
                          ``proposal__ballot=...`` or ``body={"proposal.ballot": ...}``; where a field holds
                          several values, one of them; a tuple: all of them; None: the field is empty
``to``                    that answers a message of another pattern
``where``                 that passes a filter, as text or as made by ``compile_filter``, or a function
========================  =================================================================================

Any value may be a ``Capture``, a function of the value, or, for text, a compiled regular expression.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from harness.codec.verbs.table import TABLE
from harness.errors import ExpectationError
from harness.events.filter_values import did_you_mean
from harness.events.filters import Filter, compile_filter
from harness.events.message import Kind, Message
from harness.events.message import Protocol as WireProtocol
from harness.expect.body_fields import refuse_unknown_fields
from harness.expect.capture import Capture, name_of, value_text
from harness.expect.verbs import VerbName, verb_named

CLIENT = "client"
"""As sender or receiver: not a node, but who speaks CQL with one."""


@runtime_checkable
class Named(Protocol):
    """A node of a topology, or of a cluster that runs."""

    @property
    def name(self) -> str:
        """Such as ``n1``."""


class TableNamed(Protocol):
    """A table of a schema."""

    @property
    def full_name(self) -> str:
        """Keyspace and table, joined by a dot."""


NodeLike = str | Named | Capture
NodesLike = NodeLike | Iterable[str | Named]
NodeClaim = tuple[str, ...] | Capture | None
"""Names, of which any; a capture; None: nothing is claimed."""
TableLike = str | TableNamed | Capture
Predicate = Callable[[Message], bool]


class FieldClaim(NamedTuple):
    """What a claim wants in a field of the payload."""

    path: str
    """Fields with dots between."""
    wanted: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Which messages are meant."""

    word: str
    """What a claim calls such messages: ``request``, ``reply``, ``RESULT``, ..."""
    protocol: WireProtocol
    kinds: tuple[Kind, ...]
    verbs: tuple[VerbName, ...] = ()
    """Any of them; empty: any verb."""
    sender: NodeClaim = None
    receiver: NodeClaim = None
    table: str | Capture | None = None
    key: tuple[object, ...] | None = None
    timeout_ms: object | None = None
    fields: tuple[FieldClaim, ...] = ()
    statement: str | re.Pattern[str] | None = None
    """Of CQL: what occurs in the statement's text, whatever the case; of an answer: in its request's."""
    is_applied: bool | None = None
    """Of a RESULT: what its column ``[applied]`` says."""
    rows: object | None = None
    """Of a RESULT: how many rows, or which."""
    error: str | None = None
    """Of an ERROR: the name of its code."""
    to: "Pattern | None" = None
    where: Predicate | None = None

    @property
    def is_answer(self) -> bool:
        """Whether it means replies, exceptions, acknowledgements of writes, or what CQL nodes answer."""
        if self.verbs and all(verb.name in ACKNOWLEDGEMENTS for verb in self.verbs):
            return self.protocol is WireProtocol.RPC
        return all(kind in {Kind.REPLY, Kind.EXCEPTION} for kind in self.kinds)

    @property
    def is_acknowledgement(self) -> bool:
        """Whether it means MUTATION_DONE or MUTATION_FAILED, which answer on another connection."""
        return self.is_answer and Kind.ONE_WAY in self.kinds

    @property
    def captures(self) -> tuple[Capture, ...]:
        """All captures in it, in order."""
        found = [self.sender, self.receiver, self.table, *(self.key or ()), self.timeout_ms]
        found += [claim.wanted for claim in self.fields]
        inner = self.to.captures if self.to is not None else ()
        return (*(value for value in found if isinstance(value, Capture)), *inner)

    def __str__(self) -> str:
        return pattern_text(self)


ACKNOWLEDGEMENTS = frozenset({"MUTATION_DONE", "MUTATION_FAILED"})
ACKNOWLEDGED = frozenset({"MUTATION", "HINT_MUTATION", "PAXOS_LEARN"})
"""Writes that are sent one way, and that an acknowledgement answers on another connection."""


def pattern_text(pattern: Pattern) -> str:
    """A pattern as part of a sentence: ``PAXOS_PREPARE from n1 to n2 of ks.t``."""
    parts = [kind_text(pattern)]
    if pattern.statement is not None:
        parts.append(value_text(pattern.statement))
    parts += _node_text("from", pattern.sender) + _node_text("to", pattern.receiver)
    if pattern.table is not None:
        parts.append(f"of {pattern.table}")
    if pattern.key is not None:
        parts.append(f"key {', '.join(value_text(value) for value in pattern.key)}")
    wanted = [f"{claim.path} = {value_text(claim.wanted)}" for claim in pattern.fields]
    if pattern.is_applied is not None:
        wanted.append(f"applied = {pattern.is_applied}")
    if pattern.rows is not None:
        wanted.append(f"rows = {value_text(pattern.rows)}")
    if pattern.error is not None:
        wanted.append(f"error = {pattern.error}")
    if pattern.timeout_ms is not None:
        wanted.append(f"timeout_ms = {value_text(pattern.timeout_ms)}")
    if wanted:
        parts.append(f"with {', '.join(wanted)}")
    if pattern.where is not None:
        parts.append(f"where {where_text(pattern.where)}")
    if pattern.to is not None:
        parts.append(f"answering [{pattern_text(pattern.to)}]")
    return " ".join(parts)


def kind_text(pattern: Pattern) -> str:
    """What kind of message it means: ``PAXOS_PREPARE``, ``reply to PAXOS_PREPARE``, ``stream data``."""
    names = " or ".join(str(verb) for verb in pattern.verbs)
    if pattern.protocol is WireProtocol.CQL:
        return pattern.word
    if pattern.word in {"reply", "exception"}:
        return f"{pattern.word} to {names}" if names else pattern.word
    if pattern.word == "stream data":
        return f"{pattern.word} of {names}" if names else pattern.word
    return names or pattern.word


def where_text(where: Predicate) -> str:
    """What a filter or a function is called."""
    return where.text if isinstance(where, Filter) else name_of(where)


def _node_text(word: str, nodes: NodeClaim) -> list[str]:
    if nodes is None:
        return []
    return [f"{word} {nodes if isinstance(nodes, Capture) else ' or '.join(nodes)}"]


# What callers give, as patterns keep it.


def nodes_of(nodes: NodesLike | None) -> NodeClaim:
    """Names of nodes.

    Raises:
        ExpectationError: none is given, which no message could fulfil.
    """
    if nodes is None or isinstance(nodes, Capture):
        return nodes
    if isinstance(nodes, str):
        return (nodes,)
    if isinstance(nodes, Named):
        return (nodes.name,)
    names = tuple(node if isinstance(node, str) else node.name for node in nodes)
    if not names:
        raise ExpectationError("a sender or receiver out of no nodes can never be")
    return names


def table_of(table: TableLike | None) -> str | Capture | None:
    """Keyspace and table, joined by a dot.

    Raises:
        ExpectationError: the keyspace is missing.
    """
    if table is None or isinstance(table, Capture):
        return table
    name = table if isinstance(table, str) else table.full_name
    if "." not in name:
        raise ExpectationError(f"table {name!r} lacks its keyspace; write it as 'keyspace.{name}'")
    return name


def key_of(key: object | None) -> tuple[object, ...] | None:
    """Components of a partition key; one value is a key of one component."""
    if key is None or isinstance(key, tuple):
        return key
    return tuple(key) if isinstance(key, list) else (key,)


def where_of(where: Predicate | str | None) -> Predicate | None:
    """Compile a filter that is given as text.

    Raises:
        FilterError: it cannot be understood.
    """
    return compile_filter(where) if isinstance(where, str) else where


def fields_of(body: Mapping[str, object] | None, more: Mapping[str, object]) -> tuple[FieldClaim, ...]:
    """Claims on fields, from paths and from keywords, in which ``__`` stands for a dot."""
    claims = [FieldClaim(path, wanted) for path, wanted in (body or {}).items()]
    claims += [FieldClaim(name.replace("__", "."), wanted) for name, wanted in more.items()]
    return tuple(claims)


VerbLike = VerbName | str
VerbsLike = VerbLike | Iterable[VerbLike]


def verbs_of(verb: VerbsLike | None) -> tuple[VerbName, ...]:
    """One verb, or several of which any.

    Raises:
        ExpectationError: there is no such verb.
    """
    if verb is None:
        return ()
    verbs = (verb,) if isinstance(verb, VerbName | str) else tuple(verb)
    return tuple(one if isinstance(one, VerbName) else _verb_named(one) for one in verbs)


def _verb_named(name: str) -> VerbName:
    found = verb_named(name)
    if found is None:
        names = [known for row in TABLE.verbs for _, known in row.names]
        raise ExpectationError(f"no verb is called {name!r}{did_you_mean(name, names)}")
    return found


def checked(pattern: Pattern) -> Pattern:
    """Give a pattern back whose fields exist in the payloads of its verbs.

    Raises:
        ExpectationError: a field does not exist.
    """
    refuse_unknown_fields(
        pattern.protocol, pattern.kinds, pattern.verbs, tuple(claim.path for claim in pattern.fields)
    )
    return pattern
