"""The schema of one node: its tables, what peers are told of it, and what nodes keep for themselves."""
