"""The partitions of one table at one node, in the order of the ring."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator

from harness.backends.simulation.ring_ranges import RingPlace, edges_of, place_of_key
from harness.backends.simulation.storage.partition import Partition, PartitionKey
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.common import PartitionRange


class StoredTable:
    """Partitions by key, sorted by ring token."""

    __slots__ = ("_partitions", "_places")

    def __init__(self) -> None:
        self._partitions: dict[PartitionKey, Partition] = {}
        self._places: list[tuple[RingPlace, PartitionKey]] = []

    def __len__(self) -> int:
        return len(self._partitions)

    def get(self, key: PartitionKey) -> Partition | None:
        """The partition of that key."""
        return self._partitions.get(key)

    def apply(self, layout: TableLayout, key: PartitionKey, partition: Partition) -> None:
        """Write to a partition."""
        known = self._partitions.get(key)
        if known is None:
            insort(self._places, (place_of_key(key), key))
            self._partitions[key] = partition.copy(layout)
        else:
            known.apply(layout, partition)

    def within(self, partitions: PartitionRange) -> Iterator[tuple[PartitionKey, Partition]]:
        """The partitions of a range, in the order of the ring."""
        if partitions.singular and partitions.start is not None:
            position_key = partitions.start.value.key
            if position_key is not None:
                found = self._partitions.get(position_key.components)
                if found is not None:
                    yield position_key.components, found
                return
        start, end, includes_start, includes_end = edges_of(partitions)
        first = (bisect_left if includes_start else bisect_right)(self._places, start, key=_place_of)
        last = (bisect_right if includes_end else bisect_left)(self._places, end, key=_place_of)
        for _, key in self._places[first:last]:
            yield key, self._partitions[key]

    def forget_columns(self, names: frozenset[str]) -> None:
        """Drop what columns hold."""
        for partition in self._partitions.values():
            for cells in (partition.static, *(row.cells for _, row in partition.rows.items())):
                for name in names & cells.keys():
                    del cells[name]

    def forget(self, keys: list[PartitionKey]) -> None:
        """Drop partitions, as a node does with those that it no longer owns."""
        gone = set(keys)
        for key in gone:
            self._partitions.pop(key, None)
        self._places = [place for place in self._places if place[1] not in gone]


def _place_of(place: tuple[RingPlace, PartitionKey]) -> RingPlace:
    return place[0]
