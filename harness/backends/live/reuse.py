"""A cluster that outlives a scenario, so that the next one need not start its own.

Real nodes take a minute to start. The cluster that was used last stays until one of another kind is needed, or all is
over; what a scenario has done to its nodes is undone first. One at a time: nodes need memory.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.backends.live.machine import Machine, Site
from harness.errors import BackendError, HarnessError

if TYPE_CHECKING:
    from harness.backends.live.cluster import LiveCluster


class ReusableSite(Site, Protocol):
    """A site whose cluster may be used by several scenarios, one after the other."""

    @property
    def logs(self) -> tuple[Path, ...]:
        """What the nodes have said so far."""

    @property
    def is_ours(self) -> bool:
        """Whether it may be replaced by another one."""

    @property
    def stays(self) -> bool:
        """Whether its nodes go on when it is closed."""

    def remove_machine(self, machine: Machine) -> bool:
        """Forget a node that has left the cluster; whether that can be done."""

    def remove(self) -> None:
        """As ``close``, but nothing is left running for later either."""


class Reuse:
    """Holds the site that was used last."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._site: ReusableSite | None = None
        self._why = ""
        self._is_last = False

    def expect_no_more(self) -> None:
        """No scenario comes after the one that runs: its nodes are brought back for nobody."""
        self._is_last = True

    def take(self, key: Hashable) -> ReusableSite | None:
        """The site of a kind, if it is there; another one is given up.

        Raises:
            BackendError: a scenario has left it so that no other one can use it, and it is not ours to replace.
        """
        site = self._site
        if site is None or key == self._key:
            if self._why:
                raise BackendError(self._why)
            return site
        self.close()
        return None

    def keep(self, key: Hashable, site: ReusableSite) -> None:
        """Hold a site, in place of another one."""
        if site is not self._site:
            self.close()
        self._key, self._site = key, site

    def give_back(self, cluster: "LiveCluster", site: ReusableSite) -> None:
        """Undo what a scenario has done; give the site up where that cannot be done, or is of no use."""
        if self._is_last and not site.stays:
            try:
                cluster.leave()
            finally:
                self.discard()
            return
        why = ""
        try:
            gone = cluster.members.restore()
            stuck = [machine.name for machine in gone if not site.remove_machine(machine)]
            if stuck:
                why = f"{', '.join(stuck)} left the cluster"
        except HarnessError as error:
            why = str(error)
        finally:
            cluster.leave()
        if not why:
            return
        if site.is_ours:
            self.discard()
        else:
            self._why = f"an earlier scenario has left the cluster in disorder: {why}\nstart it anew"

    def discard(self) -> None:
        """Give up the site, whatever it is."""
        site, self._site, self._key, self._why = self._site, None, None, ""
        if site is not None:
            site.remove()

    def close(self) -> None:
        """Give the site back; a site that is to stay for later does."""
        site, self._site, self._key, self._why = self._site, None, None, ""
        self._is_last = False
        if site is not None:
            site.close()
