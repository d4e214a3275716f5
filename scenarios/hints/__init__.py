"""Writes kept for nodes that are down."""
