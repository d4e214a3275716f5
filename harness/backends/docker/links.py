"""Making the links between containers slow or lossy.

A tree of HTB at the interface of the sender, whose classes are chosen by the receiver's IPv4 address; what is for nobody
of them goes on at once. Delays and losses are netem's; where the kernel under the containers has none, packets are led
to a program that holds them back.

Rules are the sender's, so before the tap: a packet is recorded when it has been held back, and one that is lost is not.

Source:
    Linux man pages tc(8), tc-htb(8), tc-u32(8), tc-netem(8), ip-address(8).
"""

from collections.abc import Iterable, Mapping

from harness.backends.docker.delay_line import ContainerDelayLine
from harness.backends.docker.way_in import Steered, WayIn
from harness.backends.network.link_shape import LinkShape
from harness.errors import BackendError

_UNLIMITED_KBIT_PER_S = 30_000_000
_PACKET_BYTES_MAX = 1600
# The kernel warns about quanta that it computes from high rates.
_QUANTUM_BYTES = 60_000
_NETEM_PACKETS_MAX = 100_000
_UNKNOWN = ("kind is unknown", "qdisc not found", "No such file or directory", "not supported")
"""What tc says of a kind of queue that the kernel does not have and cannot load."""


class ContainerLinks:
    """How good the ways between a cluster's nodes are.

    Args:
        way_in: to the containers.
    """

    def __init__(self, way_in: WayIn) -> None:
        self._way_in = way_in
        self._members: dict[str, Steered] = {}
        self._shapes: dict[str, dict[str, LinkShape]] = {}
        """sender -> receiver -> what happens on the way, where anything does."""
        self._has_netem = True
        """As far as is known."""
        self._delay_lines: dict[str, dict[str, ContainerDelayLine]] = {}
        """sender -> receiver -> what holds packets back in place of netem."""
        self._device_count = 0

    def add(self, node: Steered) -> None:
        """Let a node have links."""
        self._members[node.name] = node

    def remove(self, name: str) -> None:
        """Forget a node that is gone."""
        self._members.pop(name, None)
        self._shapes.pop(name, None)
        for shapes in self._shapes.values():
            shapes.pop(name, None)
        self._end(self._delay_lines.pop(name, {}).values())

    def shape(self, name: str, peers: Iterable[str], shape: LinkShape) -> None:
        """Set how good the way from a node to some peers is; of a node that does not run, when it starts.

        Raises:
            BackendError: there is no such node, or the kernel lacks what it takes; all is as it was then.
        """
        named = list(peers)
        for peer in named:
            if peer not in self._members or peer == name:
                raise BackendError(f"{name} has no link to {peer}: there is no such other node")
        old = self._shapes.get(name, {})
        wanted = {receiver: known for receiver, known in old.items() if receiver not in named}
        if not shape.is_plain:
            wanted.update(dict.fromkeys(named, shape))
        if wanted == old:
            return
        if self._way_in.is_open(self._members[name]):
            self._set(name, wanted, before=old)
        self._shapes[name] = wanted

    def restarted(self, name: str) -> None:
        """Set the rules of a node anew, whose namespace is another one now.

        Raises:
            BackendError: they cannot be set.
        """
        self._end(self._delay_lines.pop(name, {}).values())
        if self._shapes.get(name):
            self._set(name, self._shapes[name], before={})

    def close(self) -> None:
        """End what holds packets back."""
        while self._delay_lines:
            self._end(self._delay_lines.popitem()[1].values())

    def _set(self, name: str, shapes: Mapping[str, LinkShape], *, before: Mapping[str, LinkShape]) -> None:
        node = self._members[name]
        device = self._device_of(node)
        said = ""
        if self._has_netem:
            code, said = self._way_in.run(node, self._rules(device, shapes, {}))
            if code == 0:
                return
            needs_netem = any(shape.needs_netem for shape in shapes.values())
            if not needs_netem or not _is_unknown(said):
                self._way_in.run(node, self._rules(device, before, {}))
                raise _refused(name, said)
            self._has_netem = False
        self._hold_back(node, device, shapes, before=before, said=said)

    def _hold_back(
        self,
        node: Steered,
        device: str,
        shapes: Mapping[str, LinkShape],
        *,
        before: Mapping[str, LinkShape],
        said: str,
    ) -> None:
        """Set how good the ways from a node are without netem."""
        old = self._delay_lines.get(node.name, {})
        new: dict[str, ContainerDelayLine] = {}
        lines: dict[str, ContainerDelayLine] = {}
        try:
            for receiver, shape in shapes.items():
                known = old.get(receiver)
                if known is not None and known.shape == shape:
                    lines[receiver] = known
                elif shape.needs_netem:
                    lines[receiver] = new[receiver] = self._delay_line(node, receiver, device, shape)
            for line in new.values():
                line.wait_until_ready()
            code, answer = self._way_in.run(node, self._rules(device, shapes, lines))
            if code != 0:
                raise _refused(node.name, answer)
        except BackendError as error:
            self._way_in.run(node, self._rules(device, before, old))
            self._end(new.values())
            if not said:
                raise
            raise BackendError(
                f"the links of {node.name} can neither be delayed nor lose packets: the kernel under the containers has no "
                f"netem; load it there with: sudo modprobe sch_netem ({said}); nor does without it: {error}"
            ) from error
        self._delay_lines[node.name] = lines
        self._end(line for receiver, line in old.items() if line is not lines.get(receiver))

    def _delay_line(self, node: Steered, receiver: str, port: str, shape: LinkShape) -> ContainerDelayLine:
        self._device_count += 1
        return ContainerDelayLine(
            self._way_in, node, receiver, device=f"late{self._device_count}", port=port, shape=shape
        )

    @staticmethod
    def _end(lines: Iterable[ContainerDelayLine]) -> None:
        for line in lines:
            line.close()

    def _device_of(self, node: Steered) -> str:
        """The interface that has the node's address; a container may be joined to other networks too."""
        code, said = self._way_in.run(node, [["ip", "-o", "-4", "address", "show", "to", node.address]])
        words = said.split()
        if code != 0 or len(words) < 2:
            raise BackendError(
                f"the links of {node.name} cannot be shaped: no interface has {node.address} ({said})"
            )
        return words[1].partition("@")[0]

    def _rules(
        self, device: str, shapes: Mapping[str, LinkShape], lines: Mapping[str, ContainerDelayLine]
    ) -> list[list[str]]:
        """What brings an interface, whatever its rules were, to these."""
        # A queue of another kind in between, for a tree cannot take the place of a tree.
        rules = [["tc", "qdisc", "replace", "dev", device, "root", "pfifo", "limit", "1000"]]
        if not shapes:
            return [*rules, ["tc", "qdisc", "del", "dev", device, "root"]]
        rules.append(["tc", "qdisc", "replace", "dev", device, "root", "handle", "1:", "htb"])
        for number, (receiver, shape) in enumerate(shapes.items(), start=1):
            address, line = self._members[receiver].address, lines.get(receiver)
            if line is None:
                rules.extend(_rules_of_link(device, number, address, shape))
            else:
                led = ("action", "mirred", "egress", "redirect", "dev", line.device)
                rules.append([*_filter(device, address), *led])
        return rules


def _refused(name: str, said: str) -> BackendError:
    if not _is_unknown(said):
        return BackendError(f"the links of {name} cannot be shaped: {said}")
    return BackendError(
        f"the links of {name} cannot be shaped: the kernel under the containers lacks HTB queues or u32 filters; "
        f"load them there with: sudo modprobe -a sch_htb cls_u32 act_mirred ({said})"
    )


def _is_unknown(said: str) -> bool:
    """Whether tc says that the kernel lacks something."""
    return any(words in said for words in _UNKNOWN)


def _filter(device: str, address: str) -> list[str]:
    """The beginning of a rule for packets to an address."""
    return ["tc", "filter", "add", "dev", device, "parent", "1:", "protocol", "ip", "prio", "1", "u32",
            "match", "ip", "dst", f"{address}/32"]  # fmt: skip


def _rules_of_link(device: str, number: int, address: str, shape: LinkShape) -> list[list[str]]:
    class_id = f"1:{number:x}"
    kbit_per_s = min(shape.bandwidth_kbit_per_s or _UNLIMITED_KBIT_PER_S, _UNLIMITED_KBIT_PER_S)
    # What may go out at once: a packet at least, and at high rates what passes until the kernel looks again.
    burst = f"{max(_PACKET_BYTES_MAX, kbit_per_s // 8)}b"
    rules = [
        ["tc", "class", "add", "dev", device, "parent", "1:", "classid", class_id, "htb", "rate", f"{kbit_per_s}kbit",
         "burst", burst, "cburst", burst, "quantum", str(_QUANTUM_BYTES)],
    ]  # fmt: skip
    if shape.needs_netem:
        rules.append(
            ["tc", "qdisc", "add", "dev", device, "parent", class_id, "handle", f"{number + 1:x}:", "netem",
             "limit", str(_NETEM_PACKETS_MAX), "delay", f"{round(shape.delay_ms * 1000)}us",
             "loss", f"{shape.loss_percent:f}%"]
        )  # fmt: skip
    rules.append([*_filter(device, address), "flowid", class_id])
    return rules
