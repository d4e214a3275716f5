"""In what the messages of the simulated cluster differ from those of real ones, and why: the whole list.

A test fails if something differs that is not listed, and if something listed does not differ any more. Of statements
nothing is listed: all go as on real nodes, but for the moment at which decisions are pruned.
"""

import re
from dataclasses import dataclass

from harness.golden.compare import Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Differences of one kind."""

    pattern: str
    """A regular expression for where and what, as ``Difference`` tells them."""
    reason: str
    is_chance: bool = False
    """Whether it need not occur in each run."""

    def covers(self, difference: Difference) -> bool:
        """Whether a difference is one of these."""
        return re.search(self.pattern, str(difference)) is not None


MESSAGES = (
    Listed(
        pattern=r"^states told by gossip: (state: not seen \| INTERNAL_IP|INTERNAL_IP\.version: not seen \| number"
        r"|INTERNAL_IP\.value: not seen \| node)$",
        reason="told once, at the start, where the snitch reads a file; no capture of two datacenters begins there",
    ),
    Listed(
        pattern=r"^MIGRATION_REQUEST reply: canonical_mutations\[\]\."
        r"((table_id|schema_version): not seen \| (version of )?id of system_schema\."
        r"(indexes|views|view_virtual_columns|computed_columns|dropped_columns)"
        r"|mapping\.columns\[\]\.type_name: not seen \| org\.apache\.cassandra\.db\.marshal\.TimestampType"
        r"|partition\.rows\[\]\.cells\.columns\[\]\.id: not seen \| 1[789])$",
        reason="no capture shows a pull from a cluster that has views, indexes or dropped columns; their rows are "
        "those of DEFINITIONS_UPDATE, which is compared; no other table has as many columns as views",
        is_chance=True,
    ),
    Listed(
        pattern=r"^PAXOS_PREPARE reply: response\.most_recent_commit\.update\.partition\.rows\[\]\.\S+: not seen \|",
        reason="where a ballot comes before the last decision was pruned, it is told what that wrote: captures show "
        "this of updates in a race, not of insertions; their rows are those of PAXOS_LEARN, which is compared",
        is_chance=True,
    ),
    Listed(
        pattern=r"^PAXOS_\w+ (request|one_way): timeout: not seen \| 1000 ms$",
        reason="a race may take the first of the two seconds that a write has, where the machine is slow; in captures "
        "it is over after half a second",
        is_chance=True,
    ),
)
"""The second side is the simulation's."""

OF_DECISION = "response.most_recent_commit.update.partition.rows"
"""What the newest decision has written, in a promise."""


def is_of_pruning(difference: Difference) -> bool:
    """Whether a ballot was told of a decision before it was pruned, or after: nobody waits for that.

    What the decision wrote is compared where it is learned.
    """
    return difference.where.startswith("prepare") and difference.what.startswith(OF_DECISION)
