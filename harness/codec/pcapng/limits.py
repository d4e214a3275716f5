"""What a capture may claim before it is refused."""

BLOCK_BYTES_MAX = 64 * 1024 * 1024
"""Largest block or record; a longer one is taken for damage, and nothing is allocated for it."""

INTERFACES_MAX = 65_536
"""Most interfaces of one section."""
