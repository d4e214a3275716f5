"""Names for what differs from run to run: addresses, ids, ballots, timestamps, digests."""

import re
from collections.abc import Mapping
from uuid import UUID

from harness.codec.verbs.common import MISSING_TIMESTAMP
from harness.schema import Schema

_NUMBERS = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)*(?!\w)")
_UUIDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LISTS = re.compile(r"#(?:([;,]) ?#(?:\1 ?#)*)")
_CHARACTERS_MAX = 200


class Naming:
    """Gives the same thing the same name: roles for addresses, tables for ids, numbers for all else.

    Numbers are given in the order in which things are first asked for, so two runs have to be asked in the same one.

    Args:
        schema: knows the tables.
        roles: of nodes, by address.
    """

    def __init__(self, schema: Schema, roles: Mapping[str, str]) -> None:
        self._schema = schema
        self._roles = roles
        self._numbers: dict[str, dict[object, int]] = {}
        self._versions: dict[UUID, str] = {}

    def numbered(self, kind: str, value: object) -> str:
        """``ballot 1`` for the first ballot, and again whenever it comes."""
        numbers = self._numbers.setdefault(kind, {})
        return f"{kind} {numbers.setdefault(value, len(numbers) + 1)}"

    def uuid(self, value: UUID, kind: str) -> str:
        """The table that has this id; else a number among its kind."""
        if value.int == 0:
            return "null id"
        table = self._schema.table_of(value)
        return self.numbered(kind, value) if table is None else f"id of {table.full_name}"

    def version(self, value: UUID, table_id: UUID | None) -> str:
        """A version of a table's schema; where no table stands beside it, the one that it was seen with before."""
        if table_id is None:
            return self._versions.get(value, "version of some table")
        told = self.numbered(f"version of {self.uuid(table_id, 'table')}", value)
        self._versions.setdefault(value, told)
        return told

    def timestamp(self, value: int) -> str:
        """A write timestamp."""
        return "no timestamp" if value == MISSING_TIMESTAMP else self.numbered("timestamp", value)

    def address(self, value: str) -> str:
        """The role of the node with an address."""
        return self._roles.get(value, "address")

    def text(self, value: str) -> str:
        """A text in which numbers and ids are left open, lists of them however long."""
        if value in self._roles:
            return self._roles[value]
        left = _NUMBERS.sub("#", _UUIDS.sub("#", value))
        return _LISTS.sub(r"#\1...", left)[:_CHARACTERS_MAX]
