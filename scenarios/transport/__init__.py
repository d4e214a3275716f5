"""How messages travel: compression, shards."""
