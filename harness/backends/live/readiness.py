"""When a node can be used: it answers CQL, all that should be there take each other for alive, one schema.

Source:
    native_protocol_v4.spec, "4.1.3 OPTIONS", "4.2.6 SUPPORTED"; Scylla, gms/gossiper.cc (get_live_members_synchronized),
    service/address_map.hh (a member without an address is an error of the API).
"""

import socket
from collections.abc import Callable, Iterable, Mapping

from harness.backends.live.machine import Machine
from harness.backends.live.node_api import NodeApi
from harness.errors import BackendError
from harness.waiting import wait_until

_OPTIONS = bytes.fromhex("04 00 0000 05 00000000")
_RESPONSE, _SUPPORTED = 0x84, 0x06
_ANSWER_TIMEOUT_S = 2.0


class Readiness:
    """Waits for nodes.

    Args:
        open_socket: gives a TCP socket that reaches the nodes.
        apis: REST APIs of the nodes, by name.
        timeout_s: how long a node may take.
    """

    def __init__(
        self,
        open_socket: Callable[[], socket.socket],
        apis: Callable[[Machine], NodeApi],
        *,
        timeout_s: float,
        cql_port: int = 9042,
    ) -> None:
        self._open_socket = open_socket
        self._apis = apis
        self._timeout_s = timeout_s
        self._cql_port = cql_port

    def wait_for_cql(self, machines: Iterable[Machine]) -> None:
        """Return when all of them answer CQL.

        Raises:
            BackendError: one has ended, or does not in time; its last log lines are told.
        """
        left = list(machines)

        def nothing_left() -> bool:
            left[:] = [machine for machine in left if not self._answers_while_running(machine)]
            return not left

        if not wait_until(nothing_left, timeout_s=self._timeout_s):
            name = left[0].name
            raise BackendError(
                f"{name} does not answer CQL on {left[0].address}:{self._cql_port} after {self._timeout_s:g} s; "
                f"{left[0].last_words()}"
            )

    def wait_for_peers(
        self, machines: Iterable[Machine], *, are_apart: Callable[[str, str], bool] = lambda *_: False
    ) -> None:
        """Return when each of them takes all others for alive.

        Args:
            machines: they.
            are_apart: whether two of them, by name, cannot hear each other, and may think what they like.

        Raises:
            BackendError: one has ended, or they do not in time.
        """
        members = list(machines)
        heard = {
            machine.name: {
                other.address
                for other in members
                if other is not machine and not are_apart(machine.name, other.name)
            }
            for machine in members
        }
        doubted, why = members[:1], ""

        def all_alive() -> bool:
            nonlocal why
            for machine in members:
                try:
                    absent = heard[machine.name] - self._apis(machine).live_endpoints()
                except BackendError as error:
                    why = f"after {self._timeout_s:g} s still {error}"
                else:
                    if not absent:
                        continue
                    why = (
                        f"{machine.name} does not take {_names(absent, members)} for alive "
                        f"after {self._timeout_s:g} s"
                    )
                doubted[:] = [machine]
                for member in members:
                    expect_running(member)
                return False
            return True

        if not wait_until(all_alive, timeout_s=self._timeout_s):
            raise BackendError(f"{why}; {doubted[0].last_words()}")

    def wait_for_down(self, gone: Machine, machines: Iterable[Machine]) -> None:
        """Return when each of the others has heard, or found out, that one is gone.

        Raises:
            BackendError: one of them has ended, or they do not in time.
        """
        others = [machine for machine in machines if machine.name != gone.name]
        why = ""

        def all_know() -> bool:
            nonlocal why
            try:
                knows = all(gone.address not in self._apis(machine).live_endpoints() for machine in others)
            except BackendError as error:
                # Who has just forgotten a node's address cannot tell for a moment who is alive.
                why = f"after {self._timeout_s:g} s still {error}"
                for machine in others:
                    expect_running(machine)
                return False
            why = f"others still take {gone.name} for alive after {self._timeout_s:g} s"
            return knows

        if not wait_until(all_know, timeout_s=self._timeout_s):
            raise BackendError(why)

    def wait_for_schema(self, machines: Iterable[Machine]) -> None:
        """Return when all of them have one version of the schema, whether their peers have heard of it or not.

        Raises:
            BackendError: they do not in time.
        """
        versions: dict[str, str] = {}

        def agree() -> bool:
            versions.clear()
            versions.update({machine.name: self._apis(machine).schema_version() for machine in machines})
            return len(set(versions.values())) <= 1

        if not wait_until(agree, timeout_s=self._timeout_s):
            told = ", ".join(f"{name} {version}" for name, version in versions.items())
            raise BackendError(f"after {self._timeout_s:g} s nodes still have several schemas: {told}")

    def _answers_while_running(self, machine: Machine) -> bool:
        """Whether it answers; who answers runs, and is not asked for that, which takes longer where engines are.

        Raises:
            BackendError: it does not, for it has ended.
        """
        answers = self._answers(machine)
        if not answers:
            expect_running(machine)
        return answers

    def _answers(self, machine: Machine) -> bool:
        try:
            with self._open_socket() as connection:
                connection.settimeout(_ANSWER_TIMEOUT_S)
                connection.connect((machine.address, self._cql_port))
                connection.sendall(_OPTIONS)
                head = connection.recv(9)
        except OSError:
            return False
        return len(head) > 4 and head[0] == _RESPONSE and head[4] == _SUPPORTED


def expect_running(machine: Machine) -> None:
    """Refuse a node whose process has ended.

    Raises:
        BackendError: it has.
    """
    exit_code = machine.exit_code()
    if exit_code is not None:
        how = (
            f"was ended by signal {-exit_code}" if exit_code < 0 else f"has ended with exit code {exit_code}"
        )
        raise BackendError(f"{machine.name} {how}; {machine.last_words()}")


def _names(addresses: Iterable[str], machines: Iterable[Machine]) -> str:
    names: Mapping[str, str] = {machine.address: machine.name for machine in machines}
    return ", ".join(sorted(names.get(address, address) for address in addresses))
