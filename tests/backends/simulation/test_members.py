from random import Random

from harness.backends.simulation.members import Members
from harness.replication import Replication
from harness.topology import Node


def node(number: int, *tokens: int, datacenter: str = "dc1", rack: str = "r1") -> Node:
    return Node(
        name=f"n{number}", address=f"10.0.0.{number}", datacenter=datacenter, rack=rack, tokens=tokens
    )


class Heard:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def node_joined(self, node: Node) -> None:
        self.events.append(f"joined {node.name}")

    def node_left(self, node: Node) -> None:
        self.events.append(f"left {node.name}")

    def node_up(self, node: Node) -> None:
        self.events.append(f"up {node.name}")

    def node_down(self, node: Node) -> None:
        self.events.append(f"down {node.name}")


def members() -> tuple[Members, Heard]:
    heard = Heard()
    found = Members(node(1), Random(1))
    found.subscribe(heard)
    found.join(node(1, 0))
    found.join(node(2, 100))
    found.join(node(3, 200))
    return found, heard


RF2 = Replication(strategy="SimpleStrategy", factor=2)


def names(nodes: tuple[Node, ...]) -> list[str]:
    return [one.name for one in nodes]


def test_each_change_is_told_once_and_none_of_the_node_itself() -> None:
    found, heard = members()
    found.join(node(2, 100))
    found.mark_up(node(2, 100))
    found.mark_up(node(2, 100))
    found.mark_down("10.0.0.2")
    found.mark_down("10.0.0.2")
    found.leave("10.0.0.3")
    found.leave("10.0.0.3")
    assert heard.events == ["joined n2", "joined n3", "up n2", "down n2", "left n3"]


def test_node_is_alive_for_itself() -> None:
    found, _ = members()
    found.mark_up(node(3, 200))
    assert [found.is_alive(f"10.0.0.{number}") for number in (1, 2, 3)] == [True, False, True]


def test_own_tokens_are_known_once_it_is_a_member() -> None:
    found, _ = members()
    assert found.own.tokens == (0,)
    assert found.is_own(node(1))


def test_joining_node_is_pending_where_it_will_store() -> None:
    found, _ = members()
    assert names(found.replicas(RF2, 120)) == ["n3", "n1"]
    found.begin_joining(node(4, 150))
    assert names(found.replicas(RF2, 120)) == ["n3", "n1"]
    assert names(found.pending(RF2, 120)) == ["n4"]
    assert names(found.pending(RF2, 160)) == []
    found.join(node(4, 150))
    assert names(found.replicas(RF2, 120)) == ["n4", "n3"]
    assert names(found.pending(RF2, 120)) == []


def test_those_after_a_leaving_node_are_pending_for_what_it_stores() -> None:
    found, _ = members()
    found.begin_leaving("10.0.0.3")
    assert names(found.replicas(RF2, 120)) == ["n3", "n1"]
    assert names(found.pending(RF2, 120)) == ["n2"]
    found.leave("10.0.0.3")
    assert names(found.replicas(RF2, 120)) == ["n1", "n2"]


def test_nearest_come_first() -> None:
    found = Members(node(1), Random(1))
    far, near, beside = node(2, datacenter="dc2"), node(3, rack="r2"), node(4)
    assert names(tuple(found.by_proximity([far, near, beside, node(1)]))) == ["n1", "n4", "n3", "n2"]


def test_equally_near_nodes_come_in_any_order() -> None:
    found = Members(node(1), Random(1))
    firsts = {found.by_proximity([node(2), node(3)])[0].name for _ in range(100)}
    assert firsts == {"n2", "n3"}
