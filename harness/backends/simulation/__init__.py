"""A simulated Scylla cluster: what one node stores, understands and computes; roles take time from outside."""
