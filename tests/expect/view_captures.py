"""The captures on which claims about views are tried, with the views that are written in them."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from harness.expect.view_report import PairState, ViewReport


class ViewCapture(NamedTuple):
    """A capture, a base table and its view."""

    name: str
    base: str
    view: str
    seen: int
    """How many updates are on the wire."""
    local: int

    @property
    def id(self) -> str:
        return f"{self.name}-{self.view}"


def _five_nodes(folder: str, counts: dict[str, tuple[int, int]]) -> Iterator[ViewCapture]:
    for name, (seen, local) in counts.items():
        keyspace = "demo2" if name.endswith("rf2") else "demo3"
        table, view = (
            ("people", "by_mail_index") if name.startswith("index") else ("buildings", "buildings_by_city")
        )
        yield ViewCapture(f"{folder}/{name}", f"{keyspace}.{table}", f"{keyspace}.{view}", seen, local)


VIEW_CAPTURES = (
    *_five_nodes(
        "scylla-4.2/views",
        {"view_life_rf2": (19, 23), "view_life_rf3": (23, 40), "index_rf2": (9, 11), "index_rf3": (11, 19)},
    ),
    *_five_nodes(
        "scylla-2025.1/views",
        {"view_life_rf2": (27, 15), "view_life_rf3": (20, 43), "index_rf2": (10, 10), "index_rf3": (10, 20)},
    ),
    *_five_nodes(
        "scylla-2025.1/tablets",
        {"view_life_rf2": (34, 8), "view_life_rf3": (41, 22), "index_rf2": (12, 8), "index_rf3": (30, 0)},
    ),
    ViewCapture("scylla-4.2/base/index_write", "demo2.city", "demo2.by_country_index", 2, 8),
    ViewCapture("scylla-2025.1/base/index_write", "demo2.city", "demo2.by_country_index", 1, 9),
    ViewCapture("scylla-4.2/base/materialized_view", "demo3.buildings", "demo3.buildings_by_city", 0, 18),
    ViewCapture("scylla-2025.1/base/materialized_view", "demo3.buildings", "demo3.buildings_by_city", 0, 18),
)
"""How many updates there are was counted in the packets by hand for index_write and view_life_rf3 of 4.2."""


def states(report: ViewReport) -> Counter[PairState]:
    """How many updates are seen, local, missing."""
    return Counter(pair.state for pair in report.pairs)
