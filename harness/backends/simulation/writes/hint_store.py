"""Writes that replicas missed, kept until those are back.

Journal, one record a hint: what 0, id u64, kind u8, address (u8 length, text), the mutation as on the wire; one record
a hint that is done with: what 1, id u64. Little endian.

Source:
    Scylla (branch 4.2), db/hints/manager.cc (store_hint, can_hint_for), service/storage_proxy.cc (hint_to_dead_endpoints).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from harness.backends.simulation.journal import RecordKind
from harness.backends.simulation.node_context import NodeContext
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.wire import decode_struct, encode_struct

_ADDED = struct.Struct("<BQBB")
_REMOVED = struct.Struct("<BQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """One write for one replica."""

    id: int
    address: str
    """Of the replica."""
    mutation: Mutation
    is_view_update: bool


class HintStore:
    """The hints of a node, by replica, in the order in which they came.

    Args:
        context: of this node; its journal keeps them over a restart.
    """

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self._last_id = 0
        self._by_address: dict[str, dict[int, Hint]] = {}

    def restore(self, data: bytes) -> None:
        """Take a record of an earlier run.

        Raises:
            DecodeError: it is none.
        """
        what, hint_id = _REMOVED.unpack_from(data)
        self._last_id = max(self._last_id, hint_id)
        if what:
            for hints in self._by_address.values():
                hints.pop(hint_id, None)
            return
        _, _, is_view_update, length = _ADDED.unpack_from(data)
        end = _ADDED.size + length
        mutation, _ = decode_struct(Mutation, data[end:])
        address = data[_ADDED.size : end].decode()
        self._keep(Hint(id=hint_id, address=address, mutation=mutation, is_view_update=bool(is_view_update)))

    def add(self, address: str, mutation: Mutation, *, is_view_update: bool = False) -> bool:
        """Keep a write for a replica; gives whether it is kept."""
        if self._context.has_fault("lose_hint"):
            return True
        self._last_id += 1
        hint = Hint(id=self._last_id, address=address, mutation=mutation, is_view_update=is_view_update)
        self._keep(hint)
        self._context.journal.append(RecordKind.HINT, _record_of(hint))
        return True

    def kept(self) -> Iterator[bytes]:
        """Give records of the hints that there are now, for a shorter journal."""
        return map(_record_of, self)

    def remove(self, hint: Hint) -> None:
        """Forget a hint: its replica has the write."""
        hints = self._by_address.get(hint.address, {})
        if hints.pop(hint.id, None) is not None:
            self._context.journal.append(RecordKind.HINT, _REMOVED.pack(1, hint.id))
        if not hints:
            self._by_address.pop(hint.address, None)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The replicas that miss something."""
        return tuple(self._by_address)

    def of(self, address: str) -> tuple[Hint, ...]:
        """What a replica misses, in order."""
        return tuple(self._by_address.get(address, {}).values())

    def __iter__(self) -> Iterator[Hint]:
        return iter([hint for hints in self._by_address.values() for hint in hints.values()])

    def __len__(self) -> int:
        return sum(len(hints) for hints in self._by_address.values())

    def _keep(self, hint: Hint) -> None:
        self._by_address.setdefault(hint.address, {})[hint.id] = hint


def _record_of(hint: Hint) -> bytes:
    name = hint.address.encode()
    return _ADDED.pack(0, hint.id, hint.is_view_update, len(name)) + name + encode_struct(hint.mutation)
