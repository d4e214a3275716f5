"""What a node stores: cells, rows and partitions with timestamps and tombstones, and the reads of them.

Cells stand as on the wire (``codec.verbs.mutation``), but by name of column, since ids shift when a table is
altered; rows and partitions are sorted containers of them. Everything is kept until a read looks at it: only then
it is decided, by the clock of the read, what is deleted, expired or shadowed.
"""
