"""Streaming: whole ranges of partitions that go from node to node, as when one joins or leaves."""
