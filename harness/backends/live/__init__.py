"""Clusters that run: sessions, REST API, readiness, schema and faults, for whatever kind of node a backend starts."""
