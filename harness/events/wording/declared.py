"""Words for payloads that nobody has written words for: their fields by name."""

from enum import Enum
from uuid import UUID

from harness.codec.verbs.wire import Absent, field_names, is_declared
from harness.events.wording.words import counted, listed, number_name, printable, short_id, shortened

_DEPTH_MAX = 3
_ITEMS_MAX = 3


def fields_text(body: object, depth: int = 0) -> str:
    """``name=value`` for each field that was written."""
    parts = [
        f"{name}={value_text(value, depth + 1)}"
        for name in field_names(body)
        if not isinstance(value := getattr(body, name), Absent) and not _is_empty(value)
    ]
    return listed(parts, 12)


def _is_empty(value: object) -> bool:
    return is_declared(value) and not field_names(value)


def value_text(value: object, depth: int) -> str:
    """One value; what lies deep is only counted."""
    if isinstance(value, Enum):
        return number_name(value) if isinstance(value, int) else str(value)
    if isinstance(value, UUID):
        return short_id(value)
    if isinstance(value, bytes):
        return shortened(f"0x{value.hex()}")
    if isinstance(value, str):
        return shortened(f"'{printable(value)}'")
    if isinstance(value, tuple):
        if depth >= _DEPTH_MAX or len(value) > _ITEMS_MAX:
            return f"[{counted(len(value), 'item')}]"
        return f"[{', '.join(value_text(item, depth + 1) for item in value)}]"
    if is_declared(value):
        return f"({fields_text(value, depth)})" if depth < _DEPTH_MAX else "(...)"
    return str(value)
