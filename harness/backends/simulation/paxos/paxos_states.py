"""The rounds of all partitions at one replica, kept in the journal before anybody is answered."""

from collections.abc import Iterator
from enum import IntEnum
from typing import Annotated
from uuid import UUID

from harness.backends.simulation.journal import Journal, RecordKind
from harness.backends.simulation.paxos.ballots import NO_BALLOT
from harness.backends.simulation.paxos.paxos_state import PaxosState
from harness.backends.simulation.storage.partition import PartitionKey
from harness.codec.verbs.common import Key
from harness.codec.verbs.paxos import Proposal
from harness.codec.verbs.wire import Number, Uuid, decode_struct, encode_struct, sized


class Step(IntEnum):
    """What a replica has done."""

    PROMISE = 1
    ACCEPT = 2
    LEARN = 3
    FORGET = 4


@sized
class PaxosRecord:
    """One step, as the journal has it."""

    step: Annotated[int, Number("u8", Step)]
    table_id: Uuid
    key: Key
    ballot: Uuid
    proposal: Proposal | None
    """Of ACCEPT and LEARN."""


class PaxosStates:
    """Remembers what was promised, accepted and learned.

    Args:
        journal: keeps it for the next start.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._states: dict[tuple[UUID, PartitionKey], PaxosState] = {}

    def of(self, table_id: UUID, key: PartitionKey) -> PaxosState:
        """What is remembered of a partition; not to be changed."""
        return self._states.get((table_id, key)) or PaxosState()

    def promise(self, table_id: UUID, key: PartitionKey, ballot: UUID) -> None:
        """Remember a promise."""
        self._take(Step.PROMISE, table_id, key, ballot)

    def accept(self, proposal: Proposal) -> None:
        """Remember a proposal that was accepted."""
        self._take_proposal(Step.ACCEPT, proposal)

    def learn(self, decision: Proposal) -> None:
        """Remember a decision."""
        self._take_proposal(Step.LEARN, decision)

    def forget(self, table_id: UUID, key: PartitionKey, ballot: UUID) -> None:
        """Forget what decisions up to a ballot wrote."""
        if (table_id, key) in self._states:
            self._take(Step.FORGET, table_id, key, ballot)

    def restore(self, data: bytes) -> None:
        """Take a record of an earlier run.

        Raises:
            DecodeError: it is none.
        """
        record, _ = decode_struct(PaxosRecord, data)
        self._apply(record)

    def kept(self) -> Iterator[bytes]:
        """Give records of what is remembered now, in place of those of how it came about."""
        for (table_id, components), state in self._states.items():
            key = Key(components=components)
            steps: list[tuple[Step, UUID, Proposal | None]] = [(Step.PROMISE, state.promised, None)]
            if state.committed is not None:
                steps.append((Step.LEARN, state.committed.ballot, state.committed))
            if state.accepted is not None:
                steps.append((Step.ACCEPT, state.accepted.ballot, state.accepted))
            steps.append((Step.FORGET, state.forgotten, None))
            for step, ballot, proposal in steps:
                if ballot != NO_BALLOT:
                    yield encode_struct(
                        PaxosRecord(step=step, table_id=table_id, key=key, ballot=ballot, proposal=proposal)
                    )

    def _take_proposal(self, step: Step, proposal: Proposal) -> None:
        update = proposal.update
        self._take(step, update.table_id, update.key.components, proposal.ballot, proposal)

    def _take(
        self,
        step: Step,
        table_id: UUID,
        key: PartitionKey,
        ballot: UUID,
        proposal: Proposal | None = None,
    ) -> None:
        record = PaxosRecord(
            step=step, table_id=table_id, key=Key(components=key), ballot=ballot, proposal=proposal
        )
        self._journal.append(RecordKind.PAXOS, encode_struct(record))
        self._apply(record)

    def _apply(self, record: PaxosRecord) -> None:
        state = self._states.setdefault((record.table_id, record.key.components), PaxosState())
        if record.step == Step.PROMISE:
            state.promise(record.ballot)
        elif record.step == Step.FORGET:
            state.forget(record.ballot)
        elif record.proposal is not None and record.step == Step.ACCEPT:
            state.accept(record.proposal)
        elif record.proposal is not None and record.step == Step.LEARN:
            state.learn(record.proposal)
