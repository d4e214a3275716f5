from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from harness.backends.live.cluster import LiveCluster
from harness.backends.live.reuse import ReusableSite, Reuse
from harness.errors import BackendError


class FakeSite:
    """A site that notes what becomes of it."""

    def __init__(self, *, is_ours: bool = True, stays: bool = False, removes: bool = True) -> None:
        self.is_ours = is_ours
        self.stays = stays
        self.logs: tuple[Path, ...] = ()
        self.log: list[str] = []
        self._removes = removes

    def remove_machine(self, machine: SimpleNamespace) -> bool:
        self.log.append(f"remove {machine.name}")
        return self._removes

    def close(self) -> None:
        self.log.append("close")

    def remove(self) -> None:
        self.log.append("remove")


def site(**options: bool) -> tuple[FakeSite, ReusableSite]:
    fake = FakeSite(**options)
    return fake, cast("ReusableSite", fake)


def cluster(*gone: str, why: str = "") -> LiveCluster:
    """One of which nodes have left, or that cannot be brought back."""

    def restore() -> tuple[object, ...]:
        if why:
            raise BackendError(why)
        return tuple(SimpleNamespace(name=name) for name in gone)

    return cast("LiveCluster", SimpleNamespace(members=SimpleNamespace(restore=restore), leave=lambda: None))


def test_scenario_of_the_same_kind_gets_the_site_of_the_one_before() -> None:
    reuse = Reuse()
    fake, kept = site()
    assert reuse.take("three") is None
    reuse.keep("three", kept)
    reuse.give_back(cluster(), kept)
    assert reuse.take("three") is kept
    assert fake.log == []


def test_another_kind_ends_the_site_first() -> None:
    reuse = Reuse()
    fake, kept = site()
    reuse.keep("three", kept)
    assert reuse.take("five") is None
    assert fake.log == ["close"]


def test_newcomers_are_removed_and_the_site_stays() -> None:
    reuse = Reuse()
    fake, kept = site()
    reuse.keep("three", kept)
    reuse.give_back(cluster("n4"), kept)
    assert fake.log == ["remove n4"]
    assert reuse.take("three") is kept


@pytest.mark.parametrize("left", [cluster("n2"), cluster(why="n2 does not come back")])
def test_site_that_cannot_be_brought_back_is_removed(left: LiveCluster) -> None:
    reuse = Reuse()
    fake, kept = site(removes=False)
    reuse.keep("three", kept)
    reuse.give_back(left, kept)
    assert fake.log[-1] == "remove"
    assert reuse.take("three") is None


def test_nodes_are_brought_back_for_nobody() -> None:
    reuse = Reuse()
    fake, kept = site()
    reuse.keep("three", kept)
    reuse.expect_no_more()
    # It would not come back.
    reuse.give_back(cluster("n4", why="nobody is to ask"), kept)
    assert fake.log == ["remove"]
    reuse.close()
    _, kept = site()
    reuse.keep("three", kept)
    reuse.give_back(cluster(), kept)
    assert reuse.take("three") is kept


def test_nodes_that_stay_are_brought_back_for_whoever_comes() -> None:
    reuse = Reuse()
    fake, kept = site(stays=True)
    reuse.keep("three", kept)
    reuse.expect_no_more()
    reuse.give_back(cluster("n4"), kept)
    assert fake.log == ["remove n4"]
    reuse.close()
    assert fake.log[-1] == "close"


def test_site_that_is_not_ours_is_left_as_it_is_and_no_scenario_uses_it() -> None:
    reuse = Reuse()
    fake, kept = site(is_ours=False)
    reuse.keep("compose", kept)
    reuse.give_back(cluster(why="n2 does not come back"), kept)
    assert fake.log == []
    with pytest.raises(BackendError, match="n2 does not come back\nstart it anew"):
        reuse.take("compose")
