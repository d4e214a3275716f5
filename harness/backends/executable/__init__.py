"""A cluster of the user's own ``scylla`` executable, each node in a network namespace of its own."""
