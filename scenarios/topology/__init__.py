"""Nodes that join and leave."""
