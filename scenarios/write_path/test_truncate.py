"""TRUNCATE: every other node does it, and answers, before the client hears."""

import pytest

from harness import Cluster, Session, Wire
from harness.expect import (
    TRUNCATE,
    TRUNCATE_WITH_TABLETS,
    each,
    exactly,
    in_order,
    query,
    reply,
    request,
    result,
)

MAP = "CREATE TABLE demo3.map (id int PRIMARY KEY, country text, capital text)"


@pytest.mark.cluster(capture="truncate", nodes=3)
def test_truncate_is_done_by_all_nodes(cluster: Cluster, session: Session, wire: Wire) -> None:
    """Each other node is asked once; with tablets, the topology coordinator asks by another verb.

    Source: service/storage_proxy.cc, truncate_blocking and truncate_with_tablets.
    """
    table = cluster.table(MAP, replication_factor=3)
    with wire.statement() as truncate:
        session.execute("TRUNCATE demo3.map")
    coordinator, *others = cluster.nodes
    verb = TRUNCATE_WITH_TABLETS if table.has_tablets else TRUNCATE
    asked = request(verb, sender=coordinator, keyspace="demo3", table="demo3.map")
    truncate.expect(
        in_order(query("TRUNCATE"), each(others, asked, reply()), result()),
        exactly(2, request((TRUNCATE, TRUNCATE_WITH_TABLETS))),
        exactly(2, reply((TRUNCATE, TRUNCATE_WITH_TABLETS))),
    )
