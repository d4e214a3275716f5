"""Hints that are kept."""

import asyncio
from pathlib import Path

from harness.backends.simulation.journal import FileJournal
from harness.codec.verbs.common import ConsistencyLevel
from tests.backends.simulation.loopback_nodes import loopback_nodes
from tests.backends.simulation.writes.writing import MAP, roles_of, row_of


def test_hints_of_an_earlier_run_are_known_again(tmp_path: Path) -> None:
    async def run() -> None:
        path = tmp_path / "journal"
        before = FileJournal(path)
        async with loopback_nodes(1, MAP, journals=[before]) as nodes:
            (role,) = roles_of(nodes)
            done = row_of(nodes[0].context.catalog, "map", 1, country=b"x")
            kept = row_of(nodes[0].context.catalog, "map", 2, country=b"y")
            role.hints.add("10.0.0.9", done)
            role.hints.add("10.0.0.9", kept, is_view_update=True)
            role.hints.remove(role.hints.of("10.0.0.9")[0])
        before.close()
        after = FileJournal(path)
        async with loopback_nodes(1, MAP, journals=[after]) as nodes:
            (role,) = roles_of(nodes)
            for kind, data in after.records():
                role.restore(kind, data)
            assert [(hint.mutation, hint.is_view_update) for hint in role.hints] == [(kept, True)]
            role.hints.add("10.0.0.9", done)
            assert len({hint.id for hint in role.hints}) == 2
        after.close()

    asyncio.run(run())


def test_the_fault_of_losing_hints_leaves_the_replica_without_the_write() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP, settings={"faults": ("lose_hint",)}) as nodes:
            roles = roles_of(nodes)
            nodes[0].context.members.mark_down(nodes[2].address)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"x")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.QUORUM)
            assert not len(roles[0].hints)

    asyncio.run(run())
