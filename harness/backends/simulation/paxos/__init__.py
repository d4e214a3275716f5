"""Lightweight transactions: replicas that promise, accept and learn, and the coordinator of a round."""
