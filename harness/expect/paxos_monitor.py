"""Always on: Paxos keeps its order. Promise before accept before learn, and no replica goes back to a lower ballot.

Only what was surely in order counts: a replica that has *answered* with a promise must not grant a lower ballot to a
request that it *gets* afterwards. A coordinator may go on once a majority has granted, itself included if it is a
replica.

Source:
    Lamport, "Paxos Made Simple"; Scylla, service/paxos/paxos_state.cc (what a replica promises and accepts).
"""

from dataclasses import dataclass, field

from harness.events.message import Message
from harness.events.trace import Trace
from harness.expect.consistency import requirement_of
from harness.expect.finding import Fault
from harness.expect.inspection import Inspection
from harness.expect.paxos_rounds import PaxosRound, Vote, ballot_order, has_changes, paxos_rounds_of
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.verdict import Verdict
from harness.topology import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class PaxosOrder:
    """The claim; made by ``paxos_in_order``."""

    def __str__(self) -> str:
        return "Paxos: promise before accept before learn; ballots never go back at a replica"

    def check(self, trace: Trace, scope: Scope = WHOLE_TRACE) -> Verdict:
        """Hold it against the ballots of a trace, or those with messages in a scope."""
        inspection = Inspection(trace, scope)
        rounds = paxos_rounds_of(trace, trace.messages)
        judged = 0
        for one in rounds:
            if any(scope.holds(message) for message in one.messages):
                judged += 1
                _examine_steps(inspection, one)
        _examine_replicas(inspection, rounds)
        inspection.show(0, f"{judged} ballots", note="in order" if not inspection.findings else "looked at")
        return inspection.verdict(str(self))


def paxos_in_order() -> PaxosOrder:
    """Claim that Paxos keeps its order for each key and ballot."""
    return PaxosOrder()


def _examine_steps(inspection: Inspection, one: PaxosRound) -> None:
    """Find steps that come before a majority has granted the one before."""
    if not one.prepares or one.table is None:
        # Its beginning lies before the capture, or it is another coordinator's decision that is passed on.
        return
    replicas = inspection.placement.replicas(one.table, one.key)
    if not replicas:
        return
    what = f"{one.table.full_name}({inspection.key_text(one.table, one.key)}): ballot {one.ballot} of {one.coordinator}"
    accepts = one.accepts[0].message if one.accepts else None
    learns = one.learns[0] if one.learns else None
    _examine_step(inspection, one, what, one.prepares, accepts, replicas, "promised")
    if learns is not None and not one.accepts:
        _examine_step(inspection, one, what, one.prepares, learns, replicas, "promised")
    _examine_step(inspection, one, what, one.accepts, learns if one.accepts else None, replicas, "accepted")
    contents = [proposal for proposal in one.proposals if has_changes(proposal)]
    if len(contents) > 1:
        text = f"{what}: it stands for {len(contents)} different proposals"
        inspection.fail(Fault.WRONG_CONTENT, text, *one.messages)


def _examine_step(
    inspection: Inspection,
    one: PaxosRound,
    what: str,
    votes: tuple[Vote, ...],
    after: Message | None,
    replicas: tuple[Node, ...],
    granted: str,
) -> None:
    if after is None:
        return
    # At LOCAL_SERIAL only the replicas of one datacenter vote.
    datacenter = inspection.placement.datacenter_of(one.coordinator_address)
    near = tuple(node for node in replicas if node.datacenter == datacenter)
    asked = {vote.replica for vote in votes}
    voters = near if asked <= {node.name for node in near} and len(near) < len(replicas) else replicas
    quorum = requirement_of("QUORUM", voters, "", is_by_datacenter=False)
    names = {vote.replica for vote in votes if vote.is_granted_before(after.number)}
    if not quorum.lacking(names | {one.coordinator}):
        return
    text = (
        f"{what}: {after.verb_name} leaves in packet {after.frame_last}, when only "
        f"{', '.join(sorted(names)) or 'nobody'} had {granted}"
    )
    verb = votes[0].message.verb_name if votes else "PAXOS_ACCEPT"
    why = inspection.why_missing(
        verb, sender=None, receiver=one.coordinator, at=one.messages[0], is_reply=True
    )
    inspection.fail(Fault.WRONG_ORDER, text, after, why=why)


@dataclass(slots=True)
class _Granted:
    """Votes that one replica granted for one key, in the order of their answers."""

    votes: list[tuple[Vote, PaxosRound]] = field(default_factory=list)


def _examine_replicas(inspection: Inspection, rounds: tuple[PaxosRound, ...]) -> None:
    """Find replicas that grant a ballot after they have promised a higher one."""
    by_replica: dict[tuple[str, str, tuple[bytes, ...]], _Granted] = {}
    for one in rounds:
        if one.table is None:
            continue
        for vote in (*one.prepares, *one.accepts):
            if vote.is_granted:
                key = (vote.replica, one.table.full_name, one.key)
                by_replica.setdefault(key, _Granted()).votes.append((vote, one))
    for (replica, table, _), granted in by_replica.items():
        promised = sorted(
            ((vote.answer.number, one, vote) for vote, one in granted.votes if vote.answer is not None),
            key=lambda entry: entry[0],
        )
        asked = sorted(granted.votes, key=lambda entry: entry[0].message.number)
        highest: tuple[PaxosRound, Vote] | None = None
        position = 0
        for vote, one in asked:
            while position < len(promised) and promised[position][0] < vote.message.number:
                _, earlier, earlier_vote = promised[position]
                if highest is None or ballot_order(earlier.ballot) > ballot_order(highest[0].ballot):
                    highest = (earlier, earlier_vote)
                position += 1
            if highest is None or ballot_order(one.ballot) >= ballot_order(highest[0].ballot):
                continue
            before = highest[1].answer
            if vote.answer is None or before is None or not inspection.scope.holds(vote.message):
                continue
            key_text = inspection.key_text(one.table, one.key)
            text = (
                f"{table}({key_text}): {replica} grants ballot {one.ballot} of {one.coordinator} in packet "
                f"{vote.answer.frame_last}, though it had granted the higher {highest[0].ballot} in packet "
                f"{before.frame_last}"
            )
            inspection.fail(Fault.WRONG_ORDER, text, before, vote.message, vote.answer)
