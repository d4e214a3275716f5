"""The two byte orders in which a capture may have been written."""

from typing import Literal

ByteOrder = Literal["little", "big"]


def struct_prefix(order: ByteOrder) -> str:
    """Return the sign of the order in formats of the struct module."""
    return "<" if order == "little" else ">"
