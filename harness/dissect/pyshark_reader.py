"""The same packets through pyshark, which hands over every layer of Wireshark's tree.

It parses PDML, the one form besides fields in which no message of a coalesced segment is lost: with
``use_json`` or ``use_ek`` pyshark keeps one Scylla layer a packet.

Source: pyshark 0.6, FileCapture.
"""

import asyncio
import shlex
from collections.abc import Iterator
from pathlib import Path

import pyshark
from pyshark.capture.capture import TSharkCrashException
from pyshark.packet.layers.xml_layer import XmlLayer
from pyshark.packet.packet import Packet

from harness.codec.tcp.segment import Endpoint
from harness.dissect.tshark import PREFERENCES, Tshark, display_filter, private_settings
from harness.dissect.tshark_fields import cql_pdu, nanoseconds, octets
from harness.dissect.tshark_packet import KeyFields, Pdu, TsharkPacket
from harness.errors import DissectorError
from harness.events.message import Kind, Protocol

_TRUE = frozenset(("1", "True"))
_REASSEMBLY = "DATA"
"""pyshark's name for what the tree holds beside protocols; of TCP: the reassembled segments."""


class PysharkReader:
    """Reads one capture."""

    def __init__(
        self, capture: Path, *, tshark: Tshark, rpc_ports: tuple[int, ...], cql_ports: tuple[int, ...]
    ) -> None:
        self._capture = capture
        self._tshark = tshark
        self._rpc_ports = rpc_ports
        self._cql_ports = cql_ports
        self.truncated = ""
        """Once it was read: why the capture ends in the middle of a packet."""

    def __iter__(self) -> Iterator[TsharkPacket]:
        """Yield the packets with payload or SYN of the given ports, in order.

        Raises:
            DissectorError: tshark is missing, or failed.
            CaptureError: it cannot read the capture.
        """
        for packet in self.packets():
            yield _packet(packet)

    def packets(self) -> Iterator[Packet]:
        """Yield pyshark's own packets, for those who want their layers.

        Raises:
            DissectorError: tshark is missing, or failed.
            CaptureError: it cannot read the capture.
        """
        _ = self._tshark.version
        # pyshark may kill tshark before that could say what is wrong with the capture; so ask beforehand.
        check = self._tshark.lines(self._capture, ("-Y", "frame.number == 0"))
        for _ in check:
            pass
        self.truncated = check.truncated
        decode_as = {f"tcp.port=={port}": "scylla" for port in self._rpc_ports}
        decode_as |= {f"tcp.port=={port}": "cql" for port in self._cql_ports}
        loop = asyncio.new_event_loop()
        with private_settings() as environment:
            capture = pyshark.FileCapture(
                str(self._capture),
                keep_packets=False,
                display_filter=display_filter((*self._rpc_ports, *self._cql_ports)),
                decode_as=decode_as,
                override_prefs=PREFERENCES,
                tshark_path=str(_wrapper(self._tshark.executable, environment)),
                eventloop=loop,
            )
            try:
                yield from capture
            except TSharkCrashException as error:
                if not self.truncated:
                    raise DissectorError(f"tshark failed behind pyshark: {error}") from error
            finally:
                _close(capture, loop)


def _wrapper(executable: str, environment: dict[str, str]) -> Path:
    """Write a program that runs tshark in this environment, since pyshark gives it its own process's."""
    path = Path(environment["WIRESHARK_CONFIG_DIR"]) / "tshark"
    names = ("HOME", "XDG_CONFIG_HOME", "WIRESHARK_CONFIG_DIR", "LC_ALL", "TZ")
    settings = " ".join(f"{name}={shlex.quote(environment[name])}" for name in names)
    path.write_text(f'#!/bin/sh\n{settings} exec {shlex.quote(executable)} "$@"\n', encoding="utf-8")
    path.chmod(0o700)
    return path


def _close(capture: pyshark.FileCapture, loop: asyncio.AbstractEventLoop) -> None:
    try:
        capture.close()
    except TSharkCrashException:
        # Said already by the iteration, or nobody listens any more.
        capture._running_processes.clear()  # noqa: SLF001  else its __del__ closes it once more
    loop.run_until_complete(asyncio.gather(*capture._stderr_handling_tasks))  # noqa: SLF001  nobody else waits
    loop.close()


def _packet(packet: Packet) -> TsharkPacket:
    tcp = packet.tcp
    address = packet.ip if "ip" in packet else packet.ipv6
    pdus: list[Pdu] = []
    joined: tuple[int, ...] = ()
    is_malformed = False
    try:
        for layer in packet.layers:
            match layer.layer_name:
                case "scylla":
                    pdu = _scylla_pdu(layer)
                    is_malformed |= pdu is None
                    if pdu is not None:
                        pdus.append(pdu)
                case "cql":
                    pdus.append(
                        cql_pdu(*(int(layer.get_field(f"cql.{name}").show, 0) for name in _CQL_FIELDS))
                    )
                case "_ws.malformed":
                    is_malformed = True
                case name if name == _REASSEMBLY:
                    joined += tuple(int(field.show) for field in _fields(layer, "tcp.segment"))
        return TsharkPacket(
            int(packet.number),
            nanoseconds(packet.frame_info.time_epoch),
            int(tcp.stream),
            Endpoint(str(address.src), int(tcp.srcport)),
            Endpoint(str(address.dst), int(tcp.dstport)),
            int(tcp.seq_raw),
            tcp.get_field("tcp.flags.syn").show in _TRUE,
            b"".join(octets(field.raw_value) for field in _fields(tcp, "tcp.payload")[:1]),
            int(tcp.get_field("tcp.len").show),
            tuple(pdus),
            joined,
            is_malformed,
            bool(_fields(tcp, "tcp.analysis.retransmission") or _fields(tcp, "tcp.analysis.out_of_order"))
            and not pdus,
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise DissectorError(f"tshark describes packet {packet.number} in an unknown way: {error}") from error


_CQL_FIELDS = ("version", "flags", "stream", "opcode", "message_length")


def _scylla_pdu(layer: XmlLayer) -> Pdu | None:
    """Make one message of its layer; None if Wireshark gave up before its header was complete."""
    numbers = {
        name: None if (field := layer.get_field(f"scylla.{name}")) is None else int(field.show)
        for name in (
            "verb",
            "msg_id",
            "timeout",
            "len",
            "response.size",
            "response.request",
            "negotiation.size",
        )
    }
    size = numbers["negotiation.size"]
    if size is not None:
        return Pdu(Protocol.RPC, Kind.NEGOTIATION, None, None, size, None, None, None, 0, 0)
    verb, msg_id = numbers["verb"], numbers["msg_id"]
    size = numbers["response.size"]
    if size is not None:
        request_frame = numbers["response.request"]
        return Pdu(Protocol.RPC, Kind.REPLY, verb, msg_id, size, None, request_frame, None, 0, 0)
    size = numbers["len"]
    if size is None:
        return None
    return Pdu(
        Protocol.RPC, Kind.REQUEST, verb, msg_id, size, numbers["timeout"], None, _key_fields(layer), 0, 0
    )


def _key_fields(layer: XmlLayer) -> KeyFields | None:
    for table, schema in (
        ("scylla.mut.table_id", "scylla.mut.schema_id"),
        ("scylla.read_data.table_id", "scylla.read_data.schema_version"),
    ):
        if _fields(layer, table) and _fields(layer, schema):
            key = tuple(octets(field.raw_value) for field in _fields(layer, "scylla.mut.pkey"))
            return KeyFields(
                octets(_fields(layer, table)[0].raw_value),
                octets(_fields(layer, schema)[0].raw_value),
                key if "mut" in table else None,
            )
    return None


def _fields(layer: XmlLayer, name: str) -> "list[pyshark.packet.fields.LayerField]":
    field = layer.get_field(name)
    return [] if field is None else field.all_fields
