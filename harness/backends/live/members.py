"""The members of a running cluster: which of them run, what is done to them, and their ring.

Source:
    ScyllaDB docs, "Nodetool status" (who is a member), "Add a node", "Decommission".
"""

import time
from typing import Any

from harness.backends.live.coordinators import Coordinators
from harness.backends.live.faults import Faults, Outage
from harness.backends.live.machine import Machine, Site
from harness.backends.live.node_api import NodeApi
from harness.backends.live.readiness import Readiness, expect_running
from harness.backends.live.request_log import RequestLog, logged_connection_class
from harness.backends.live.rest_client import RestClient
from harness.backends.live.system_reader import read_topology
from harness.backends.network.link_shape import LinkShape
from harness.errors import BackendError
from harness.topology import Node, Topology
from harness.waiting import wait_until


class Members:
    """Starts, ends and disturbs nodes; what it does is done when it returns.

    Args:
        site: where they run.
        request_log: where statements of sessions are put.
        timeout_s: how long a node may take for anything.
    """

    def __init__(self, site: Site, request_log: RequestLog, *, timeout_s: float) -> None:
        self.change_count = 0
        """How often something was done to the cluster that is no statement."""
        self.last_change_ns = 0
        """When that was last, since 1970."""
        self.faults = Faults()
        """What was done to nodes and is not over, by their names."""
        self._gone_ns: dict[str, int] = {}
        self._resumed_ns: dict[str, int] = {}
        self._site = site
        self._log = request_log
        self._timeout_s = timeout_s
        self._apis: dict[str, NodeApi] = {}
        self._readiness = Readiness(site.open_socket, self.api, timeout_s=timeout_s)
        self.coordinators = Coordinators(
            logged_connection_class(site.connection_class, request_log),
            lambda: tuple(machine.address for machine in self._talking),
        )
        self._running: list[Machine] = []
        self._left: set[str] = set()
        self._first: tuple[Machine, ...] = ()
        self._shaped: dict[str, set[str]] = {}
        """Senders, with those to whom their way is slow or lossy."""
        self._topology: Topology | None = None
        self._rings: list[tuple[int, Topology]] = []

    @property
    def topology(self) -> Topology:
        """Nodes, ring and tablets as they were when something last changed them."""
        if self._topology is None:
            names = {machine.address: machine.name for machine in self._members}
            with self._log.unrecorded():
                self._topology = read_topology(
                    self.any_session(), names, has_tablets=bool(self._site.has_tablets)
                )
            self._keep_ring(self._topology)
        return self._topology

    @property
    def rings(self) -> tuple[tuple[int, Topology], ...]:
        """The rings that there were, each with the time, since 1970 in ns, from which on it was known."""
        return tuple(self._rings)

    @property
    def named(self) -> Topology:
        """All nodes that are or were members by name and address, with what is known of the ring; nobody is asked."""
        known = self._topology or Topology()
        nodes = [
            known.node_named(machine.name)
            or Node(
                name=machine.name,
                address=machine.address,
                datacenter=machine.datacenter,
                rack=machine.rack,
            )
            for machine in self._site.machines
        ]
        return Topology(tuple(nodes), known.tablets)

    def is_cut_off(self, address: str, since_ns: int) -> bool:
        """Whether the node of an address answers nobody now, has left, or its process has ended since a time."""
        return self._gone_ns.get(address, 0) > since_ns or any(
            # Who has left goes on: of 2025.1, pings of such a node are not answered for a while.
            self.faults.outage(machine.name) is not None or machine.name in self._left
            for machine in self._site.machines
            if machine.address == address
        )

    def resumed_ns(self, address: str) -> int:
        """When the node of an address went on after it stood still or was cut off; 0: it did not."""
        return self._resumed_ns.get(address, 0)

    def forget_topology(self) -> None:
        """Read the ring anew when it is asked for next."""
        self._topology = None

    def any_session(self) -> Any:  # noqa: ANN401  (the driver has no types)
        """A session with the first node that answers.

        Raises:
            BackendError: there is none.
        """
        for machine in self._talking:
            return self.coordinators.session(machine.address)
        raise BackendError("no node is left that could be asked")

    def api(self, machine: Machine) -> NodeApi:
        """The REST API of a node."""
        api = self._apis.get(machine.name)
        if api is None:
            client = RestClient(machine.address, open_socket=self._site.open_socket, name=machine.name)
            api = self._apis[machine.name] = NodeApi(client, name=machine.name)
        return api

    def note_change(self) -> None:
        """Something is done to the cluster."""
        self.change_count += 1
        self.last_change_ns = time.time_ns()

    def wait_for_schema(self) -> None:
        """Return when all nodes have the same schema.

        Raises:
            BackendError: they have not in time.
        """
        self._readiness.wait_for_schema(self._talking)

    def boot(self) -> None:
        """Start all nodes of the site; returns when they can be used.

        Raises:
            BackendError: one ended, or is not ready in time; its last log lines are told.
        """
        machines = self._site.machines
        for machine in machines:
            machine.start()
            if not self._site.boots_together:
                self._readiness.wait_for_cql([machine])
        self.adopt()

    def adopt(self) -> None:
        """Take all nodes of the site for running; returns when they can be used.

        Raises:
            BackendError: one ended, or is not ready in time; its last log lines are told.
        """
        machines = self._site.machines
        self._readiness.wait_for_cql(machines)
        self._running = list(machines)
        self._readiness.wait_for_peers(machines)
        self.wait_for_schema()
        self._wait_for_tokens()
        # What one node knew before it had heard of all was no ring.
        self._rings = self._rings[-1:]
        self._first = machines

    def restore(self) -> tuple[Machine, ...]:
        """Undo what was done to nodes: all that were there at first can be used again, and newcomers leave.

        Returns:
            Those that have left.

        Raises:
            BackendError: a node does not come back, or does not leave.
        """
        self._unshape()
        for machine in self._members:
            # Nodes that are cut off from each other could not tell that the other one is back.
            if self.faults.is_isolated(machine.name):
                self.heal(machine)
        for machine in self._first:
            if machine.name not in self._left:
                self._bring_back(machine)
        for machine in self._site.machines:
            if machine in self._first or machine.name in self._left:
                continue
            if machine not in self._running and self.faults.halted(machine.name) is None:
                # It never became a member.
                if machine.exit_code() is None:
                    machine.kill()
                self._left.add(machine.name)
                continue
            self._bring_back(machine)
            self.decommission(machine)
        return tuple(machine for machine in self._site.machines if machine.name in self._left)

    def add(self) -> Machine:
        """Let another node join; returns when it is a member.

        Raises:
            BackendError: it did not become one; its last log lines are told.
        """
        machine = self._site.add_machine()
        self.start(machine)
        self._wait_for_tokens()
        return machine

    def kill(self, machine: Machine) -> None:
        """End its process at once."""
        self._note_gone(machine, Outage.KILLED)
        machine.kill()

    def stop(self, machine: Machine) -> None:
        """Let it shut down; returns when the others know."""
        self._note_gone(machine, Outage.STOPPED)
        machine.stop()
        self._readiness.wait_for_down(machine, self._talking)

    def start(self, machine: Machine) -> None:
        """Start it; returns when it can be used."""
        self.note_change()
        machine.start()
        self._readiness.wait_for_cql([machine])
        self.faults.go_on(machine.name)
        if machine not in self._running:
            self._running.append(machine)
        self._wait_for_peers()
        self.wait_for_schema()
        if machine in self._talking:
            with self._log.unrecorded():
                self.coordinators.wait_for_connection(machine.address, timeout_s=self._timeout_s)

    def pause(self, machine: Machine) -> None:
        """Let it stand still."""
        expect_running(machine)
        self.note_change()
        self.faults.halt(machine.name, Outage.PAUSED)
        machine.pause()

    def resume(self, machine: Machine) -> None:
        """Let it go on; returns when it is back, unless it is isolated."""
        self.note_change()
        machine.resume()
        self.faults.go_on(machine.name)
        self._wait_until_back(machine)

    def isolate(self, machine: Machine, peers: tuple[str, ...]) -> None:
        """Cut it off."""
        self.note_change()
        self.faults.isolate(machine.name, peers)
        machine.isolate(peers)

    def heal(self, machine: Machine) -> None:
        """Let it be heard again; returns when it is, unless its process does not run."""
        self.note_change()
        machine.heal()
        self.faults.heal(machine.name)
        self._wait_until_back(machine)

    def shape_links(self, machine: Machine, peers: tuple[str, ...], shape: LinkShape) -> None:
        """Set how good the way from it to some peers is; none: to all.

        When the last of all links is as it was, it returns when all that run take each other for alive.
        """
        if machine.name in peers:
            raise BackendError(f"{machine.name} has no link to itself")
        named = peers or tuple(other.name for other in self._members if other.name != machine.name)
        self.note_change()
        shaped = self._shaped.setdefault(machine.name, set())
        if not shape.is_plain:
            shaped.update(named)
        machine.shape_links(named, shape)
        if shape.is_plain:
            shaped.difference_update(named)
            if not shaped:
                del self._shaped[machine.name]
            if not self._shaped:
                self._wait_for_peers()

    def repair(self, machine: Machine, keyspace: str) -> None:
        """Run a repair."""
        self.note_change()
        self.api(machine).repair(keyspace)

    def decommission(self, machine: Machine) -> None:
        """Let it leave; returns when the others know."""
        self.note_change()
        self.api(machine).decommission()
        self._left.add(machine.name)
        self._running = [other for other in self._running if other.name != machine.name]
        self._readiness.wait_for_down(machine, self._talking)
        self.forget_topology()

    def close(self) -> None:
        """Close all sessions, end all nodes and give everything back."""
        try:
            self.coordinators.close()
        finally:
            self._site.close()

    def _unshape(self) -> None:
        """Make all links as they were; nobody is waited for."""
        members = {machine.name: machine for machine in self._members}
        while self._shaped:
            sender, receivers = self._shaped.popitem()
            if sender in members:
                self.note_change()
                members[sender].shape_links(sorted(receivers & members.keys()), LinkShape())

    def _bring_back(self, machine: Machine) -> None:
        """Let its process run."""
        match self.faults.halted(machine.name):
            case Outage.KILLED | Outage.STOPPED:
                self.start(machine)
            case Outage.PAUSED:
                self.resume(machine)

    @property
    def _members(self) -> tuple[Machine, ...]:
        return tuple(machine for machine in self._site.machines if machine.name not in self._left)

    @property
    def _talking(self) -> tuple[Machine, ...]:
        return tuple(machine for machine in self._running if self.faults.outage(machine.name) is None)

    def _keep_ring(self, topology: Topology) -> None:
        if not self._rings or self._rings[-1][1].ring != topology.ring:
            self._rings.append((time.time_ns(), topology))

    def _wait_until_back(self, machine: Machine) -> None:
        if machine in self._talking:
            self._readiness.wait_for_cql([machine])
            self._resumed_ns[machine.address] = time.time_ns()
            self._wait_for_peers()

    def _wait_for_peers(self) -> None:
        self._readiness.wait_for_peers(self._talking, are_apart=self.faults.are_apart)

    def _wait_for_tokens(self) -> None:
        """Return when a node knows the tokens of all that run; they come by gossip."""
        missing: set[str] = set()

        def knows_all() -> bool:
            self.forget_topology()
            known = {node.name for node in self.topology.nodes if node.tokens}
            missing.clear()
            missing.update({machine.name for machine in self._running} - known)
            return not missing

        if not wait_until(knows_all, timeout_s=self._timeout_s):
            names = ", ".join(sorted(missing))
            words = next(machine for machine in self._running if machine.name in missing).last_words()
            raise BackendError(f"{names} is no member of the ring after {self._timeout_s:g} s; {words}")

    def _note_gone(self, machine: Machine, why: Outage) -> None:
        expect_running(machine)
        self.note_change()
        self.faults.halt(machine.name, why)
        self._gone_ns[machine.address] = self.last_change_ns
        self._running = [other for other in self._running if other.name != machine.name]
