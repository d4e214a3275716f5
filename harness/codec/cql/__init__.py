"""The CQL native protocol between clients and nodes, versions 3, 4 and 5, both ways and without input or output.

connection (bytes of both directions to frames) -> messages (a frame's body to a value and back) -> values (the
bytes of a bound value or a cell to a Python value and back). statements remembers what was prepared.

Source: Apache Cassandra, doc/native_protocol_v3.spec, native_protocol_v4.spec, native_protocol_v5.spec, and
native_protocol_v6.spec, on the branches 4.0 and 5.0.
"""
