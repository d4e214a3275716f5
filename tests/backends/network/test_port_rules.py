import errno
import socket
from ipaddress import IPv4Address
from typing import cast

import pytest
from pyroute2 import NetlinkError

from harness.backends.network.interfaces import Interfaces
from harness.backends.network.link_shape import LinkShape
from harness.backends.network.port_rules import NetemMissingError, PortRules
from harness.errors import BackendError

SOURCE = IPv4Address("198.18.0.2")
IPV4 = socket.htons(0x0800)


class RecordedInterfaces:
    """Says yes to everything, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.refused: dict[str, int] = {}

    def index_of(self, name: str) -> int | None:
        return {"n1": 5, "late": 9}.get(name)

    def tc(self, command: str, kind: str | None, index: int, handle: int = 0, **rest: object) -> None:
        assert index == 5
        if kind in self.refused:
            raise NetlinkError(self.refused[kind], "refused")
        self.asked.append((command, kind, handle, rest))

    def taken(self) -> list[tuple[object, ...]]:
        asked, self.asked = self.asked, []
        return asked


@pytest.fixture
def interfaces() -> RecordedInterfaces:
    return RecordedInterfaces()


@pytest.fixture
def rules(interfaces: RecordedInterfaces) -> PortRules:
    return PortRules(cast("Interfaces", interfaces), "n1")


def test_what_is_cut_goes_to_a_queue_without_room(rules: PortRules, interfaces: RecordedInterfaces) -> None:
    rules.cut(2, SOURCE)
    htb, cut_class, pfifo, u32 = interfaces.taken()
    assert htb == ("add", "htb", 0x10000, {"default": 0})
    assert cut_class[:3] == ("add-class", "htb", 0x10001)
    assert pfifo == ("add", "pfifo", 0, {"parent": 0x10001, "limit": 0})
    assert u32[:2] == ("add-filter", "u32")
    assert u32[3] == {
        "parent": 0x10000,
        "prio": 3,
        "protocol": 0x0800,
        "keys": ["0xc6120002/0xffffffff+12"],
        "target": 0x10001,
    }


def test_the_tree_is_made_once(rules: PortRules, interfaces: RecordedInterfaces) -> None:
    rules.cut(2, SOURCE)
    interfaces.taken()
    rules.cut(3, SOURCE)
    assert [asked[:2] for asked in interfaces.taken()] == [("add-filter", "u32")]


def test_a_cut_ends_by_removing_its_filter_alone(rules: PortRules, interfaces: RecordedInterfaces) -> None:
    rules.cut(2, SOURCE)
    interfaces.taken()
    rules.uncut(2)
    assert interfaces.taken() == [("del-filter", None, 0, {"parent": 0x10000, "info": 3 << 16 | IPV4})]


def test_netem_is_in_place_before_packets_are_led_there(
    rules: PortRules, interfaces: RecordedInterfaces
) -> None:
    rules.shape(2, SOURCE, LinkShape(delay_ms=12.5, loss_percent=3, bandwidth_kbit_per_s=8000))
    _, shape_class, netem, u32 = interfaces.taken()
    assert shape_class[:3] == ("add-class", "htb", 0x10012)
    assert shape_class[3] == {
        "parent": 0x10000,
        "rate": 1_000_000,
        "burst": 1600,
        "cburst": 1600,
        "quantum": 60_000,
    }
    assert netem == (
        "replace",
        "netem",
        0x40000,
        {"parent": 0x10012, "delay": 12_500, "loss": 3, "limit": 100_000},
    )
    assert u32[:2] == ("add-filter", "u32")


def test_another_shape_replaces_the_first_without_a_gap(
    rules: PortRules, interfaces: RecordedInterfaces
) -> None:
    rules.shape(2, SOURCE, LinkShape(delay_ms=1))
    interfaces.taken()
    rules.shape(2, SOURCE, LinkShape(delay_ms=2))
    assert [asked[:2] for asked in interfaces.taken()] == [("replace-class", "htb"), ("replace", "netem")]
    rules.shape(2, SOURCE, LinkShape(bandwidth_kbit_per_s=1000))
    assert [asked[:2] for asked in interfaces.taken()] == [("replace-class", "htb"), ("replace", "pfifo")]


def test_unshaping_removes_the_filter_before_the_class(
    rules: PortRules, interfaces: RecordedInterfaces
) -> None:
    rules.unshape(2)
    assert interfaces.taken() == []
    rules.shape(2, SOURCE, LinkShape(delay_ms=1))
    interfaces.taken()
    rules.unshape(2)
    assert [asked[0] for asked in interfaces.taken()] == ["del-filter", "del-class"]
    rules.redirect(2, SOURCE, "late")
    interfaces.taken()
    rules.unshape(2)
    assert [asked[0] for asked in interfaces.taken()] == ["del-filter"]


def test_without_netem_nothing_has_changed(rules: PortRules, interfaces: RecordedInterfaces) -> None:
    interfaces.refused["netem"] = errno.ENOENT
    with pytest.raises(NetemMissingError):
        rules.shape(2, SOURCE, LinkShape(delay_ms=1))
    assert [asked[0] for asked in interfaces.taken()] == ["add", "add-class", "del-class"]


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [
        ("htb", errno.ENOENT, "modprobe -a sch_htb"),
        ("htb", errno.EEXIST, "somebody else controls the traffic of n1"),
        ("u32", errno.EPERM, "refused"),
    ],
)
def test_refusals_say_what_to_do(
    rules: PortRules, interfaces: RecordedInterfaces, kind: str, code: int, said: str
) -> None:
    interfaces.refused[kind] = code
    with pytest.raises(BackendError, match=said):
        rules.cut(2, SOURCE)


def test_a_port_that_has_vanished_is_named(interfaces: RecordedInterfaces) -> None:
    with pytest.raises(BackendError, match="the port n7 has vanished"):
        PortRules(cast("Interfaces", interfaces), "n7").cut(2, SOURCE)
