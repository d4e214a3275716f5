"""Gossip: who is there, in which version, saying what of itself; who of them is alive."""
