"""Reads: the coordinator of a read, the replicas that answer it, and what is done when they disagree."""
