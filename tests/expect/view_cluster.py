"""A base row and its view row on nodes made by hand, with the messages between them."""

from dataclasses import replace
from uuid import UUID

from harness.codec.verbs.mutation import DeletableRow, Mutation, Row
from harness.codec.verbs.writes import MutationRequest
from harness.events.trace import Trace
from harness.expect.view_report import ViewReport
from harness.expect.view_updates import view_updates
from harness.partitioner import token_of
from harness.schema import Schema
from harness.topology import Node, Topology
from tests.expect.rows import BASE, BY_A, SCHEMA, mutation, number, row
from tests.expect.traces import ADDRESSES, TraceBuilder

_OLD_ID = UUID("00000000-0000-11e0-8123-456789abcdef")
INSERTED = row(cells={"a": "x", "b": "1"}, at_us=2_000_000_000_000_000, marker=True)
LATER_US = 2_000_000_000_000_001


class Cluster:
    """Five nodes of which the base row is on n1 and n2, every view row on n3 and n4 in turn.

    The ring is laid so that the base row's token belongs to n1.
    """

    def __init__(self, *, is_known: bool = True) -> None:
        self.builder = TraceBuilder()
        base_token, view_token = token_of((number(1),)), token_of((b"x",))
        tokens = {"n1": (base_token,), "n2": (base_token + 1,), "n3": (view_token,), "n4": (view_token + 1,)}
        nodes = [
            Node(
                name=name,
                address=ADDRESSES[name],
                host_id=UUID(int=int(name[1])),
                tokens=tokens.get(name, ()),
            )
            for name in ADDRESSES
        ]
        # Created long after the trace began, so that the table is known to have been empty; or before.
        base = replace(BASE, id=UUID("ffffffff-ffff-1fff-8123-456789abcdef") if is_known else _OLD_ID)
        self.base = base
        self.schema = Schema((base, BY_A), SCHEMA.known_keyspaces)
        self.topology = Topology(tuple(nodes))

    def write(self, *rows: DeletableRow, to: str = "n1") -> int:
        """A base write from n5, acknowledged."""
        return self.send("n5", to, mutation(*rows, table=self.base))

    def update(self, sender: str, receiver: str, value: str, at: DeletableRow, *, done: bool = True) -> int:
        """An update of the view."""
        view_row = replace(at, key=type(at.key)(components=(number(1), number(0))), cells=self.shown(at))
        change = replace(mutation(view_row, table=BY_A), key=type(at.key)(components=(value.encode(),)))
        return self.send(sender, receiver, change, done=done)

    def shown(self, at: DeletableRow) -> Row:
        cells = tuple(replace(column, id=0) for column in at.cells.columns if column.id == 1)
        return replace(at.cells, columns=cells)

    def send(self, sender: str, receiver: str, change: Mutation, *, done: bool = True) -> int:
        body = MutationRequest(
            mutation=change,
            forward=(),
            reply_to=ADDRESSES[sender],
            shard=0,
            response_id=len(self.builder.messages),
        )
        sent = self.builder.one_way("MUTATION", sender, receiver, body)
        if done:
            self.builder.done(sent)
        return sent

    def trace(self) -> Trace:
        for _ in range(8):
            # Nobody is silent, and the capture goes on.
            self.builder.wait(0.5)
            for name in ("n1", "n2", "n3", "n4", "n5"):
                self.builder.done(None, sender=name, receiver="n5" if name != "n5" else "n1", shard=9)
        trace = self.builder.trace()
        return Trace(trace.messages, trace.missing, self.topology, self.schema)

    def report(self) -> ViewReport:
        return view_updates("ks.base", "ks.by_a").examine(self.trace())
