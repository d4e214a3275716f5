"""Patterns completed by where they stand: the node of an ``each``, the request that an answer belongs to."""

from dataclasses import replace

from harness.events.message import Kind, Protocol
from harness.expect.capture import Capture
from harness.expect.pattern import FieldClaim, Pattern, checked


def filled(pattern: Pattern, nodes: tuple[str, ...], *, has_sides: bool = True) -> Pattern:
    """Put nodes in as sender or receiver, and give captures of one node their own names.

    Args:
        pattern: as the claim has it.
        nodes: those of ``each`` and ``quorum`` around it, innermost first.
        has_sides: False: sender and receiver stay as they are.
    """
    for node in nodes:
        if has_sides:
            pattern = _with_node(pattern, node)
        pattern = _at(pattern, node)
    return pattern


def answering(answer: Pattern, request: Pattern) -> Pattern:
    """An answer to messages of a pattern: verb, sender and receiver follow from the request.

    Raises:
        ExpectationError: the answer has no field that the pattern names.
    """
    if answer.is_acknowledgement:
        # Who acknowledges a forwarded write tells the coordinator, not the node that sent the write on.
        return replace(answer, sender=request.receiver if answer.sender is None else answer.sender)
    return checked(
        replace(
            answer,
            verbs=answer.verbs or request.verbs,
            sender=request.receiver if answer.sender is None else answer.sender,
            receiver=request.sender if answer.receiver is None else answer.receiver,
        )
    )


def _with_node(pattern: Pattern, node: str) -> Pattern:
    is_from_node = pattern.is_answer or (
        pattern.protocol is Protocol.CQL and pattern.kinds == (Kind.ONE_WAY,)
    )
    first, other = (pattern.sender, pattern.receiver) if is_from_node else (pattern.receiver, pattern.sender)
    if first is not None and other is not None:
        return pattern
    if (first is None) is is_from_node:
        return replace(pattern, sender=(node,))
    return replace(pattern, receiver=(node,))


def _at(pattern: Pattern, node: str) -> Pattern:
    if not any(capture.per_node for capture in pattern.captures):
        return pattern

    def own(value: object) -> object:
        return value.at(node) if isinstance(value, Capture) else value

    sender, receiver, table = pattern.sender, pattern.receiver, pattern.table
    return replace(
        pattern,
        sender=sender.at(node) if isinstance(sender, Capture) else sender,
        receiver=receiver.at(node) if isinstance(receiver, Capture) else receiver,
        table=table.at(node) if isinstance(table, Capture) else table,
        key=None if pattern.key is None else tuple(own(value) for value in pattern.key),
        timeout_ms=own(pattern.timeout_ms),
        fields=tuple(FieldClaim(claim.path, own(claim.wanted)) for claim in pattern.fields),
        to=None if pattern.to is None else _at(pattern.to, node),
    )
