"""A cluster of containers, each a node, on a network of their own."""
