"""Which end of a connection opened it, where the first packet is missing.

Source: seastar doc/rpc.md, "Connection negotiation"; ScyllaDB docs, "Networking", for the ports.
"""

from harness.codec.rpc.frame import MAGIC, NEGOTIATION_HEADER
from harness.codec.rpc.negotiation import NEGOTIATION_BYTES_MAX, Feature, Negotiation, decode_negotiation
from harness.errors import DecodeError

STORAGE_PORT = 7000
SSL_STORAGE_PORT = 7001
SERVER_PORTS = frozenset({STORAGE_PORT, SSL_STORAGE_PORT})


def client_role(first_bytes_a: bytes, first_bytes_b: bytes, port_a: int, port_b: int) -> bool | None:
    """Tell whether a is the client, from what each end sent first and from their ports.

    Only a server sends CONNECTION_ID. Without a negotiation the well-known port is the server's; None if
    neither decides.
    """
    for first_bytes, is_a in ((first_bytes_a, True), (first_bytes_b, False)):
        negotiation = _first_negotiation(first_bytes)
        if negotiation is not None:
            is_server = negotiation.data_of(Feature.CONNECTION_ID) is not None
            return is_a is not is_server
    if (port_a in SERVER_PORTS) is (port_b in SERVER_PORTS):
        return None
    return port_b in SERVER_PORTS


def _first_negotiation(first_bytes: bytes) -> Negotiation | None:
    if not first_bytes.startswith(MAGIC) or len(first_bytes) < NEGOTIATION_HEADER.size:
        return None
    _, length = NEGOTIATION_HEADER.unpack_from(first_bytes)
    stop = NEGOTIATION_HEADER.size + length
    if length > NEGOTIATION_BYTES_MAX or len(first_bytes) < stop:
        return None
    try:
        return decode_negotiation(first_bytes[NEGOTIATION_HEADER.size : stop])
    except DecodeError:
        return None
