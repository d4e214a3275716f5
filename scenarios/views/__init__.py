"""Materialized views and secondary indexes."""
