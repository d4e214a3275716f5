"""Compressed connections: LZ4 is agreed upon before anything else, and changes nothing of what is said."""

import pytest

from harness import Cluster, Message, Session, Wire, cql
from harness.expect import (
    MUTATION,
    MUTATION_DONE,
    each,
    exactly,
    in_order,
    never,
    one_way,
    query,
    quorum,
    result,
)

MAP = "CREATE TABLE demo3.map (id int PRIMARY KEY, country text, capital text)"
INSERT = "INSERT INTO demo3.map (id, country, capital) VALUES (0, 'Germany', 'Berlin')"


def is_compressed(message: Message) -> bool:
    """Whether its connection has agreed on LZ4."""
    negotiated = message.connection.negotiated
    return negotiated is not None and (negotiated.compression or "").startswith("LZ4")


@pytest.mark.cluster(capture="lz4_two_shards", nodes=3, compression="all")
def test_compressed_nodes_say_what_others_say(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 3, QUORUM, internode_compression: all: the flow of a plain write, every message of it on an LZ4 connection.

    Source: ScyllaDB docs, "Configuration Parameters", internode_compression; seastar doc/rpc.md, "Compressor";
    rpc/lz4_compressor.cc.
    """
    with cluster.given("the table"):
        table = cluster.table(MAP, replication_factor=3)
    with wire.statement() as write:
        session.execute(cql(INSERT, "QUORUM"))
    coordinator, *others = table.replicas_of(0, coordinator_first=True)
    mutation = one_way(MUTATION, sender=coordinator, table=table, key=0, where=is_compressed)
    done = one_way(MUTATION_DONE, receiver=coordinator, where=is_compressed)
    write.expect(
        in_order(query("INSERT"), quorum(1, mutation, done, of=others, rest_in_background=True), result()),
        each(others, exactly(1, one_way(MUTATION))),
        each(others, exactly(1, one_way(MUTATION_DONE))),
        never(one_way((MUTATION, MUTATION_DONE), where=lambda message: not is_compressed(message))),
    )
