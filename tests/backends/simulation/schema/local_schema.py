"""The schema of a node that has no peers: statements are planned and written one after the other."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from harness.backends.simulation.cql.moment import Moment
from harness.backends.simulation.cql.preparation import plan
from harness.backends.simulation.cql.schema_plan import SchemaPlan
from harness.backends.simulation.journal import Journal
from harness.backends.simulation.schema.builtin_schema import SHARED_KEYSPACES
from harness.backends.simulation.schema.schema_changes import SchemaWriter
from harness.backends.simulation.schema.schema_store import SchemaStore
from harness.backends.simulation.storage.storage import Storage
from harness.codec.verbs.mutation import CanonicalMutationFrame
from tests.backends.simulation.cql.node import numbered_uuids, timeuuids
from tests.backends.simulation.tables import NOW_US


@dataclass(slots=True)
class LocalSchema:
    """A node's storage with its schema; each change is a second younger than the one before."""

    journal: Journal | None = None
    storage: Storage = field(init=False)
    store: SchemaStore = field(init=False)
    now_us: int = NOW_US
    _make_timeuuid: Callable[[], UUID] = field(init=False, default_factory=timeuuids)

    def __post_init__(self) -> None:
        self.storage = Storage(journal=self.journal)
        self.store = SchemaStore(self.storage, self.journal)

    def add_shared_keyspaces(self) -> None:
        for keyspace in SHARED_KEYSPACES:
            self.store.merge(self.store.builtin(keyspace), now_us=self.now_us)

    def run(self, text: str, keyspace: str | None = None) -> tuple[CanonicalMutationFrame, ...]:
        """Do a statement; gives what peers are told."""
        self.now_us += 1_000_000
        make_timeuuid = self._make_timeuuid
        moment = Moment(self.now_us, make_timeuuid, numbered_uuids())
        made = plan(self.storage.catalog, text, keyspace, (), moment)
        assert isinstance(made, SchemaPlan)
        after = made.apply(self.storage.catalog, make_id=make_timeuuid, version_of=lambda _: make_timeuuid())
        writer = SchemaWriter(
            storage=self.storage,
            plan=made,
            before=self.storage.catalog,
            after=after,
            timestamp_us=self.now_us,
        )
        mutations = writer.mutations()
        self.store.merge(mutations, now_us=self.now_us)
        return mutations

    def version_of(self, keyspace: str, table: str) -> UUID | None:
        found = self.storage.catalog.schema.table(keyspace, table)
        return None if found is None else found.version
