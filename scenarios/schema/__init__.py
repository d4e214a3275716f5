"""How the schema reaches all nodes."""
