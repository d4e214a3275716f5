"""Traffic control on the way out of one port of the bridge: what happens to packets from which sender.

A tree of HTB at the port, whose filters look at the sender's IPv4 address; what no filter takes goes on at once. ARP is
always let through, so that a node that cannot be reached is silent, and not unknown.

Rules stand behind the tap: a packet that is dropped or delayed here was recorded when it was sent.

Source:
    Linux man pages tc-htb(8), tc-u32(8), tc-netem(8), tc-mirred(8), tc-pfifo(8).
"""

import errno
import socket
from ipaddress import IPv4Address

from pyroute2 import NetlinkError

from harness.backends.network.interfaces import Interfaces
from harness.backends.network.link_shape import LinkShape
from harness.errors import BackendError

SENDERS_MAX = 1000
"""Numbers of senders are below."""

_ROOT = 0x10000
_CUT_CLASS = 0x10001
_FIRST_SHAPE_CLASS = 0x10010
_FIRST_SHAPE_QDISC = 0x20000
_HANDLE_STEP = 0x10000

_FIRST_CUT_PRIORITY = 1
_FIRST_SHAPE_PRIORITY = _FIRST_CUT_PRIORITY + SENDERS_MAX

_ETHERTYPE_IPV4 = 0x0800
_UNLIMITED_BYTES_PER_S = 3_750_000_000
# The kernel warns about quanta that it computes from such rates.
_QUANTUM_BYTES = 60_000
_PACKET_BYTES_MAX = 1600
_NETEM_PACKETS_MAX = 100_000


class NetemMissingError(Exception):
    """The kernel has no netem, hence no delays and losses."""


class PortRules:
    """The rules of one port.

    Args:
        interfaces: those of the namespace where the port is.
        port: name of the bridge's end of the veth to a node.
    """

    def __init__(self, interfaces: Interfaces, port: str) -> None:
        self._interfaces = interfaces
        self.port = port
        self._index: int | None = None
        self._has_cut_class = False
        self._classes: set[int] = set()
        self._redirected: set[int] = set()

    def cut(self, sender: int, source: IPv4Address) -> None:
        """Drop what comes from an address.

        Args:
            sender: number of the sender, below SENDERS_MAX.
            source: its address.

        Raises:
            BackendError: the kernel refuses.
        """
        try:
            index = self._tree()
            if not self._has_cut_class:
                self._add_class(_CUT_CLASS, _UNLIMITED_BYTES_PER_S)
                # A queue without room.
                self._interfaces.tc("add", "pfifo", index, 0, parent=_CUT_CLASS, limit=0)
                self._has_cut_class = True
            self._add_filter(_FIRST_CUT_PRIORITY + sender, source, target=_CUT_CLASS)
        except NetlinkError as error:
            raise self._error("cut off", error) from error

    def uncut(self, sender: int) -> None:
        """Let packets through again.

        Raises:
            BackendError: the kernel refuses.
        """
        try:
            self._remove_filter(_FIRST_CUT_PRIORITY + sender)
        except NetlinkError as error:
            raise self._error("connected", error) from error

    def shape(self, sender: int, source: IPv4Address, shape: LinkShape) -> None:
        """Delay and lose packets from an address with netem, and limit their bandwidth.

        Raises:
            BackendError: the kernel refuses.
            NetemMissingError: it takes netem, which this kernel has not; nothing has changed.
        """
        bytes_per_s = _UNLIMITED_BYTES_PER_S
        if shape.bandwidth_kbit_per_s is not None:
            bytes_per_s = min(shape.bandwidth_kbit_per_s * 125, _UNLIMITED_BYTES_PER_S)
        class_id = _FIRST_SHAPE_CLASS + sender
        is_new = sender not in self._classes
        try:
            index = self._tree()
            self._add_class(class_id, bytes_per_s, is_replaced=not is_new)
            self._classes.add(sender)
            if shape.needs_netem:
                self._add_netem(index, sender, shape)
            elif not is_new:
                self._interfaces.tc("replace", "pfifo", index, 0, parent=class_id, limit=1000)
            if is_new:
                self._add_filter(_FIRST_SHAPE_PRIORITY + sender, source, target=class_id)
        except NetemMissingError:
            if is_new:
                self._remove_class(sender)
            raise
        except NetlinkError as error:
            raise self._error("shaped", error) from error

    def redirect(self, sender: int, source: IPv4Address, device: str) -> None:
        """Hand packets from an address to a device, whose reader does with them what it likes.

        Raises:
            BackendError: the kernel refuses.
        """
        try:
            self._tree()
            action = {
                "kind": "mirred",
                "direction": "egress",
                "action": "redirect",
                "ifindex": self._interfaces.index_of(device),
            }
            self._add_filter(_FIRST_SHAPE_PRIORITY + sender, source, target=0, action=action)
            self._redirected.add(sender)
        except NetlinkError as error:
            raise self._error("redirected", error) from error

    def unshape(self, sender: int) -> None:
        """End ``shape`` and ``redirect``; what netem still holds back is lost.

        Raises:
            BackendError: the kernel refuses.
        """
        if sender not in self._classes and sender not in self._redirected:
            return
        try:
            self._remove_filter(_FIRST_SHAPE_PRIORITY + sender)
            if sender in self._classes:
                self._remove_class(sender)
        except NetlinkError as error:
            raise self._error("unshaped", error) from error
        self._redirected.discard(sender)

    def _tree(self) -> int:
        """Make the tree when it is needed first; return the port's index."""
        if self._index is None:
            index = self._interfaces.index_of(self.port)
            if index is None:
                raise BackendError(f"the port {self.port} has vanished")
            self._interfaces.tc("add", "htb", index, _ROOT, default=0)
            self._index = index
        return self._index

    def _add_class(self, class_id: int, bytes_per_s: int, *, is_replaced: bool = False) -> None:
        # What may go out at once: a packet at least, and at high rates what passes until the kernel looks again.
        burst_bytes = max(_PACKET_BYTES_MAX, bytes_per_s // 1000)
        self._interfaces.tc(
            "replace-class" if is_replaced else "add-class",
            "htb",
            self._tree(),
            class_id,
            parent=_ROOT,
            rate=bytes_per_s,
            burst=burst_bytes,
            cburst=burst_bytes,
            quantum=_QUANTUM_BYTES,
        )

    def _remove_class(self, sender: int) -> None:
        self._interfaces.tc("del-class", None, self._tree(), _FIRST_SHAPE_CLASS + sender, parent=_ROOT)
        self._classes.discard(sender)

    def _add_netem(self, index: int, sender: int, shape: LinkShape) -> None:
        try:
            self._interfaces.tc(
                "replace",
                "netem",
                index,
                _FIRST_SHAPE_QDISC + sender * _HANDLE_STEP,
                parent=_FIRST_SHAPE_CLASS + sender,
                delay=round(shape.delay_ms * 1000),
                loss=shape.loss_percent,
                limit=_NETEM_PACKETS_MAX,
            )
        except NetlinkError as error:
            # The answer for a kind of queue that the kernel does not have and cannot load.
            if error.code in (errno.ENOENT, errno.EOPNOTSUPP):
                raise NetemMissingError from error
            raise

    def _add_filter(self, priority: int, source: IPv4Address, **rest: object) -> None:
        self._interfaces.tc(
            "add-filter",
            "u32",
            self._tree(),
            parent=_ROOT,
            prio=priority,
            protocol=_ETHERTYPE_IPV4,
            keys=[f"{int(source):#010x}/0xffffffff+12"],
            **rest,
        )

    def _remove_filter(self, priority: int) -> None:
        info = priority << 16 | socket.htons(_ETHERTYPE_IPV4)
        self._interfaces.tc("del-filter", None, self._tree(), 0, parent=_ROOT, info=info)

    def _error(self, what: str, error: NetlinkError) -> BackendError:
        reason = error.args[1] if len(error.args) > 1 else error
        if error.code in (errno.ENOENT, errno.EOPNOTSUPP):
            return BackendError(
                f"links cannot be {what}: this kernel lacks HTB queues or u32 filters ({reason}); "
                "load them with: sudo modprobe -a sch_htb cls_u32 sch_netem"
            )
        if error.code == errno.EEXIST:
            return BackendError(f"links cannot be {what}: somebody else controls the traffic of {self.port}")
        return BackendError(f"links cannot be {what} at the port {self.port}: {reason}")
