"""Statements that make what scenarios ask for.

Source:
    ScyllaDB docs, CQL reference, "CREATE KEYSPACE"; docs/architecture/tablets (the option ``tablets``);
    Scylla, audit/audit_cf_storage_helper.cc (the keyspace that nodes make for what they audit).
"""

import re
from collections.abc import Iterable

from harness.codec.verbs.line import Line
from harness.replication import NETWORK_TOPOLOGY_STRATEGY, SIMPLE_STRATEGY

_CREATE = re.compile(
    r"\s*CREATE\s+(?:TABLE|MATERIALIZED\s+VIEW|(?:CUSTOM\s+)?INDEX|TYPE)\s+(?!IF\s+NOT\s+EXISTS)",
    re.IGNORECASE,
)
_TABLETS_SINCE = Line.V6_2
_MADE_BY_NODES = frozenset({"audit"})
"""Keyspaces that are not called system, but are no clients' either."""


def keyspace_statement(
    name: str, factor: int, *, datacenters: Iterable[str], line: Line, has_tablets: bool
) -> str:
    """CREATE KEYSPACE with so many replicas in each datacenter.

    Old lines with one datacenter get SimpleStrategy, as their users mostly did.
    """
    names = sorted(set(datacenters))
    if len(names) == 1 and line <= Line.V4_2:
        options = [("class", SIMPLE_STRATEGY), ("replication_factor", str(factor))]
    else:
        options = [("class", NETWORK_TOPOLOGY_STRATEGY), *((dc, str(factor)) for dc in names)]
    replication = ", ".join(f"'{option}': '{value}'" for option, value in options)
    text = f'CREATE KEYSPACE IF NOT EXISTS "{name}" WITH replication = {{{replication}}}'
    if line >= _TABLETS_SINCE:
        text += f" AND tablets = {{'enabled': {'true' if has_tablets else 'false'}}}"
    return text


def drop_statements(keyspaces: Iterable[str]) -> list[str]:
    """DROP KEYSPACE for each of them that clients have made."""
    return [f'DROP KEYSPACE IF EXISTS "{name}"' for name in keyspaces if name not in _MADE_BY_NODES]


def if_not_exists(statement: str) -> str:
    """The same statement, but that it does nothing where that exists."""
    found = _CREATE.match(statement)
    if found is None:
        return statement
    return f"{statement[: found.end()]}IF NOT EXISTS {statement[found.end() :]}"
