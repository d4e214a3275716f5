"""Writes: coordinators and replicas, hints, logged batches, counters, views, truncation."""
