"""Nodes that stand still, or stop."""
