"""A table of a cluster, and which nodes store which of its partitions."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from harness.codec.cql.values import encode_value
from harness.errors import BackendError
from harness.partitioner import token_of
from harness.schema import Schema
from harness.table import Table
from harness.topology import Node, Topology

FIRST_KEY = 17
"""Where the search for a key begins."""
KEYS_TRIED_MAX = 10_000


class Named(Protocol):
    """A node."""

    @property
    def name(self) -> str:
        """Such as ``n1``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedTable:
    """A table with the cluster that stores it."""

    table: Table
    schema: Schema
    topology: Topology
    coordinator: str
    """Name of the node that the scenario's own session talks to."""
    keys_in_use: tuple[int, ...] = ()
    """Partition keys that statements of a capture name: of these one is taken, if one fits."""

    @property
    def keyspace(self) -> str:
        """The keyspace's name."""
        return self.table.keyspace

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.name

    @property
    def full_name(self) -> str:
        """Keyspace and table, joined by a dot."""
        return self.table.full_name

    @property
    def id(self) -> UUID | None:
        """The table's id; None if nobody has told it."""
        return self.table.id

    @property
    def has_tablets(self) -> bool:
        """Whether it is divided into tablets, as far as is known."""
        keyspace = self.schema.keyspaces.get(self.keyspace)
        if keyspace is not None and keyspace.has_tablets is not None:
            return keyspace.has_tablets
        return any(tablet.table_id == self.table.id for tablet in self.topology.tablets)

    def __str__(self) -> str:
        return self.full_name

    def token_of(self, *key: object) -> int:
        """The ring token of a partition key, given as Python values in the order of the key.

        Raises:
            ValueError: there are more or fewer values than the key has columns.
            EncodeError: a value is not of its column's type.
        """
        columns = self.table.partition_key
        if len(key) != len(columns):
            names = ", ".join(column.name for column in columns)
            raise ValueError(f"{len(key)} values for the partition key ({names}) of {self.full_name}")
        parts = []
        for column, value in zip(columns, key, strict=True):
            data = encode_value(self.schema.type_of(self.keyspace, column.type), value)
            if data is None:
                raise ValueError(f"{column.name} of a partition key cannot be null")
            parts.append(data)
        return token_of(parts)

    def replicas_of(self, *key: object, coordinator_first: bool | Named = False) -> tuple[Node, ...]:
        """The nodes that store a partition, in the order of the ring, or of its tablet.

        Args:
            key: values of the partition key.
            coordinator_first: the coordinator (True: of the scenario's own session) comes first.

        Raises:
            ValueError: as ``token_of``; or the coordinator is no replica.
            BackendError: nobody has told which nodes they are.
        """
        token = self.token_of(*key)
        replicas: tuple[Node, ...] = ()
        if self.table.id is not None:
            replicas = self.topology.tablet_replicas(self.table.id, token)
        keyspace = self.schema.keyspaces.get(self.keyspace)
        # The ring says nothing about tables with tablets, not even about those whose tablets nobody has told.
        on_ring = keyspace is not None and (keyspace.has_tablets is False or not self.topology.tablets)
        if not replicas and keyspace is not None and on_ring:
            replicas = self.topology.replicas(keyspace.replication, token)
        if not replicas:
            raise BackendError(
                f"which nodes store {_key_text(key)} of {self.full_name} is not known: "
                "neither the ring with the keyspace's replication nor the table's tablets"
            )
        if coordinator_first is False:
            return replicas
        name = self.coordinator if coordinator_first is True else coordinator_first.name
        if name not in {node.name for node in replicas}:
            names = ", ".join(node.name for node in replicas)
            raise ValueError(f"{name} is no replica of {_key_text(key)}; {names} are")
        return tuple(sorted(replicas, key=lambda node: node.name != name))

    def key_on(self, *nodes: Named) -> int:
        """A whole number whose partition all of these nodes store; which one, the cluster is free to choose.

        Raises:
            BackendError: none of those tried is such a number.
        """
        names = {node.name for node in nodes}
        return self._key(lambda replicas: names <= replicas, f"on {_names(nodes)}")

    def key_off(self, *nodes: Named) -> int:
        """A whole number whose partition none of these nodes stores; which one, the cluster is free to choose.

        Raises:
            BackendError: none of those tried is such a number.
        """
        names = {node.name for node in nodes}
        return self._key(lambda replicas: not names & replicas, f"not on {_names(nodes)}")

    def _key(self, is_wanted: Callable[[set[str]], bool], what: str) -> int:
        tried: tuple[int, ...] = (*self.keys_in_use, *range(FIRST_KEY, FIRST_KEY + KEYS_TRIED_MAX))
        for key in tried:
            if is_wanted({node.name for node in self.replicas_of(key)}):
                return key
        raise BackendError(f"no partition of {self.full_name} is {what}")


def _names(nodes: Iterable[Named]) -> str:
    return " and ".join(node.name for node in nodes)


def _key_text(key: tuple[object, ...]) -> str:
    return ", ".join(repr(value) for value in key)
