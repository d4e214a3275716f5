"""Writes: plain ones, batches, counters, TRUNCATE."""
