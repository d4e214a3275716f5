import asyncio
from random import Random

from harness.backends.simulation.kept_identity import KeptIdentity
from harness.backends.simulation.schema.membership_keeper import MembershipKeeper
from harness.codec.verbs.gossip import ApplicationState
from tests.backends.simulation.loopback_nodes import loopback_nodes
from tests.backends.simulation.memory_journal import MemoryJournal
from tests.backends.simulation.schema.test_system_content import Heard


def test_a_node_keeps_whether_it_is_a_member_and_who_the_others_are() -> None:
    async def check() -> None:
        async with loopback_nodes(3) as (n1, n2, n3):
            journal = MemoryJournal()
            kept = KeptIdentity(n1.context.config, journal)
            kept.begin(now_s=1, random=Random(1))
            heard = Heard()
            MembershipKeeper(n1.context, kept, heard)
            heard.hear(n2.address, ApplicationState.STATUS, "LEFT,1,2")
            said = [kept.current.is_member]
            for status in ("NORMAL,-5", "shutdown,true"):
                heard.hear(n1.address, ApplicationState.STATUS, status)
                said.append(kept.current.is_member)
            assert said == [False, True, True]
            n1.context.members.leave(n3.address)
            assert [peer.address for peer in kept.current.peers] == [n2.address]
            heard.hear(n1.address, ApplicationState.STATUS, "LEFT,-5,1700000000")
            again = KeptIdentity(n1.context.config, journal)
            again.restore(journal.kept[-1][1])
            assert again.current == kept.current
            assert not again.current.is_member

    asyncio.run(check())
