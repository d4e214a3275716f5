"""In what the simulated cluster differs from real ones, and why: the whole list.

A test fails if something differs that is not listed, and if something listed does not differ any more.
"""

import re
from dataclasses import dataclass

from harness.golden.compare import Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Differences of one kind."""

    scenario: str
    """The end of its name."""
    pattern: str
    """A regular expression for where and what, as ``Difference`` tells them."""
    reason: str
    is_chance: bool = False
    """Whether it need not occur in each run."""

    def covers(self, scenario: str, difference: Difference) -> bool:
        """Whether a difference in a scenario is one of these."""
        return scenario.endswith(self.scenario) and re.search(self.pattern, str(difference)) is not None


_OTHER_DATA = "what nodes store differs, not what they do:"

STATEMENTS = (
    Listed(
        scenario="read at all repairs the replica that missed a write",
        pattern=r"^(read of mutations|repair by a read) of demo3\.map: \w+: ",
        reason=f"{_OTHER_DATA} in the capture the third node missed the whole row, here it missed an update of it",
    ),
    Listed(
        scenario="second read finds nothing to repair",
        pattern=r"^(result: awaits|read of demo3\.map: READ_DIGEST: .*digest|(read of mutations|repair by a read) of .*steps)",
        reason=f"{_OTHER_DATA} in the capture the first of both reads repairs, here all nodes have the row",
    ),
    Listed(
        scenario="read at two asks one for data and one for a digest",
        pattern=r"^(result: content\.rows|read of demo2\.map: READ_DATA: reply to READ_DATA: result\.data)",
        reason=f"{_OTHER_DATA} in the capture the row has no capital",
    ),
    Listed(
        scenario="contended updates keep the order of paxos",
        pattern=r"^(prepare: PAXOS_PREPARE: reply to PAXOS_PREPARE: response|(learn|accept): .*update\.|read: steps"
        r"|.*accepted|accept: PAXOS_ACCEPT|.*answers)",
        reason="which rounds meet is chance; a simulated replica prunes as soon as it is told, so that promises "
        "seldom show a decision that is not pruned yet, and refuses more often",
        is_chance=True,
    ),
)
"""Of statements."""

MESSAGES = (
    Listed(
        scenario="",
        pattern=r"^states told by gossip: (state: not seen \| INTERNAL_IP|INTERNAL_IP\.version: not seen \| number"
        r"|INTERNAL_IP\.value: not seen \| node)$",
        reason="told once, at the start, where the snitch reads a file; no capture of two datacenters begins there",
    ),
    Listed(
        scenario="",
        pattern=r"^MIGRATION_REQUEST reply: canonical_mutations\[\]\."
        r"((table_id|schema_version): not seen \| (version of )?id of system_schema\."
        r"(indexes|views|view_virtual_columns|computed_columns|dropped_columns)"
        r"|mapping\.columns\[\]\.type_name: not seen \| org\.apache\.cassandra\.db\.marshal\.TimestampType)$",
        reason="no capture shows a pull from a cluster that has views, indexes or dropped columns; their rows are "
        "those of DEFINITIONS_UPDATE, which is compared",
        is_chance=True,
    ),
)
"""Of messages of whatever cause; the second side is the simulation's."""
