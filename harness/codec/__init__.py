"""Codecs: bytes in, values out, and back; no file, socket or clock, and no codec imports another.

pcapng (capture files) -> tcp (byte streams of each direction) -> rpc (frames between nodes) -> verbs (their
payloads); cql (frames between clients and nodes).
"""
