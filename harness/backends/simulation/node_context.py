"""What all roles of a node share."""

from dataclasses import dataclass, field
from uuid import UUID

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.cql.moment import Moment
from harness.backends.simulation.journal import Journal, NoJournal
from harness.backends.simulation.members import Members
from harness.backends.simulation.messaging.messaging import Messaging
from harness.backends.simulation.node_config import NodeConfig
from harness.backends.simulation.storage.storage import Storage
from harness.backends.simulation.time_uuids import TimeUuids
from harness.backends.simulation.traces import NoTraces, Traces
from harness.backends.simulation.world import World


@dataclass(slots=True)
class NodeContext:
    """One node: its settings, where it runs, what it holds, whom it knows."""

    config: NodeConfig
    world: World
    messaging: Messaging
    members: Members
    storage: Storage
    journal: Journal = field(default_factory=NoJournal)
    traces: Traces = field(default_factory=NoTraces)
    time_uuids: TimeUuids = field(init=False)

    def __post_init__(self) -> None:
        self.time_uuids = TimeUuids(self.world.random)

    @property
    def address(self) -> str:
        """Its own."""
        return self.config.listen_address

    @property
    def catalog(self) -> Catalog:
        """The schema."""
        return self.storage.catalog

    @property
    def moment(self) -> Moment:
        """The clock and chance for one statement."""
        return Moment(self.world.now_us, self.make_time_uuid, self.make_uuid)

    @property
    def now_s(self) -> int:
        """Seconds since 1970."""
        return self.world.now_us // 1_000_000

    def make_time_uuid(self) -> UUID:
        """A time UUID of now, later than all before."""
        return self.time_uuids.make(self.world.now_us)

    def make_uuid(self) -> UUID:
        """A random UUID."""
        return UUID(int=self.world.random.getrandbits(128), version=4)

    def has_fault(self, name: str) -> bool:
        """Whether the node is to have a bug on purpose."""
        return name in self.config.faults
