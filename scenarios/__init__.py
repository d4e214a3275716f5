"""Scenarios: claims about ScyllaDB's replication, each with its source. A folder for each part of Scylla."""
