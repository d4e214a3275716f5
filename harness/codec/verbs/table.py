"""The verb table: every number of every version line, collected from the family modules.

Source:
    Scylla, message/messaging_service.hh, enum class messaging_verb, branches 4.0 to master (August 2026).
"""

from collections.abc import Mapping
from types import MappingProxyType

from harness.codec.verbs import (
    backup,
    connection,
    forward_cql,
    gossip,
    group0,
    node_ops,
    paxos,
    raft,
    read,
    repair,
    schema_verbs,
    streaming,
    tablets,
    tasks,
    topology,
    view_building,
    writes,
)
from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import VerbTable

FAMILIES = (
    backup,
    connection,
    forward_cql,
    gossip,
    group0,
    node_ops,
    paxos,
    raft,
    read,
    repair,
    schema_verbs,
    streaming,
    tablets,
    tasks,
    topology,
    view_building,
    writes,
)
"""The modules whose ``VERBS`` make up the table."""

TABLE = VerbTable(
    tuple(sorted((row for family in FAMILIES for row in family.VERBS), key=lambda row: row.number))
)
"""All verbs of all lines, by number."""

FIRST_UNUSED: Mapping[Line, int] = MappingProxyType(
    {
        Line.V4_0: 44,
        Line.V4_2: 44,
        Line.V5_0: 61,
        Line.V5_4: 70,
        Line.V6_2: 75,
        Line.V2025_1: 78,
        Line.V2026_3: 92,
        Line.HEAD: 94,
    }
)
"""Per line, the lowest number that has no name in it; a line names all below, retired ones too."""
