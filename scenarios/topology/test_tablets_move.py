"""Tablets: when a node joins or leaves, they move one by one, as files, after everybody has been told."""

import pytest

from harness import Cluster, Wire
from harness.expect import (
    RAFT_TOPOLOGY_CMD,
    STREAM_BLOB,
    TABLET_CLEANUP,
    TABLET_STREAM_DATA,
    TABLET_STREAM_FILES,
    Capture,
    before,
    exactly,
    in_order,
    reply,
    request,
    stream_data,
)

TABLETS = ("6.2", "2025.1", "2026.3")


@pytest.mark.cluster(
    capture="add_node_tablets", nodes=3, lines=TABLETS, because="older lines have no tablets"
)
def test_tablet_moves_to_the_newcomer_as_files(cluster: Cluster, wire: Wire) -> None:
    """The coordinator has the newcomer fetch a tablet; the old replica sends the files, each in a stream of its own.

    Source: service/topology_coordinator.cc, tablet migration; service/storage_service.cc, stream_tablet.
    """
    coordinator = cluster.nodes[0]
    with wire.recording() as move:
        newcomer = cluster.add_node()
    old = Capture("old replica")
    fetch = request(TABLET_STREAM_FILES, sender=newcomer, receiver=old)
    file = request(STREAM_BLOB, sender=old, receiver=newcomer)
    move.expect(
        in_order(
            request(RAFT_TOPOLOGY_CMD, sender=coordinator),
            request(TABLET_STREAM_DATA, sender=coordinator, receiver=newcomer),
            fetch,
            file,
            reply(STREAM_BLOB, sender=newcomer),
            reply(TABLET_STREAM_FILES, receiver=newcomer),
            reply(TABLET_STREAM_DATA, sender=newcomer),
        ),
        before(fetch, file),
        exactly(1, request(TABLET_STREAM_DATA)),
        exactly(1, reply(TABLET_STREAM_DATA)),
        exactly(1, fetch),
        exactly(1, reply(TABLET_STREAM_FILES)),
        exactly(move.count(request(STREAM_BLOB)), reply(STREAM_BLOB)),
        exactly(move.count(request(STREAM_BLOB)), stream_data(STREAM_BLOB, sender=newcomer, receiver=old)),
        exactly(move.count(request(RAFT_TOPOLOGY_CMD)), reply(RAFT_TOPOLOGY_CMD)),
    )


@pytest.mark.cluster(
    capture="decommission_tablets",
    nodes=4,
    lines=TABLETS,
    because="older lines have no tablets",
)
def test_tablet_moves_away_and_is_cleaned_up(cluster: Cluster, wire: Wire) -> None:
    """The new replica fetches the files from the leaving node, which then is told to clean the tablet up.

    Source: service/topology_coordinator.cc, tablet migration; service/storage_service.cc, stream_tablet.
    """
    coordinator, *_, leaving = cluster.nodes
    with wire.recording() as move:
        leaving.decommission()
    new = Capture("new replica")
    fetch = request(TABLET_STREAM_FILES, sender=new, receiver=leaving)
    file = request(STREAM_BLOB, sender=leaving, receiver=new)
    clean = request(TABLET_CLEANUP, sender=coordinator, receiver=leaving)
    move.expect(
        in_order(fetch, file, reply(STREAM_BLOB), reply(TABLET_STREAM_FILES, sender=leaving), clean, reply()),
        before(fetch, file),
        exactly(1, fetch),
        exactly(1, reply(TABLET_STREAM_FILES)),
        exactly(1, clean),
        exactly(1, reply(TABLET_CLEANUP)),
        exactly(move.count(request(STREAM_BLOB)), reply(STREAM_BLOB)),
        exactly(move.count(request(STREAM_BLOB)), stream_data(STREAM_BLOB, receiver=leaving)),
    )
