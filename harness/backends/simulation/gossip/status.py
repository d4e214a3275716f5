"""What a node says of its place in the ring: the value of STATUS, and the tokens beside it.

Source:
    Scylla (branch 4.2), gms/versioned_value.hh; service/storage_service.cc (handle_state_normal and the others).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class StatusKind(Enum):
    """The first word."""

    NONE = ""
    """A node that has yet to say anything."""
    BOOT = "BOOT"
    NORMAL = "NORMAL"
    LEAVING = "LEAVING"
    LEFT = "LEFT"
    SHUTDOWN = "shutdown"
    OTHER = "other"


SHUTDOWN = "shutdown,true"
_LEFT_EXPIRES_MS = 3 * 86_400_000


@dataclass(frozen=True, slots=True)
class Status:
    """A status as it is understood."""

    kind: StatusKind
    expires_ms: int | None = None
    """When, in milliseconds since 1970, a node that has left may be forgotten."""

    @property
    def is_dead(self) -> bool:
        """Whether nobody has to talk to the node any more."""
        return self.kind is StatusKind.LEFT

    @classmethod
    def of(cls, value: str | None) -> "Status":
        """Understand a value."""
        words = (value or "").split(",")
        try:
            kind = StatusKind(words[0])
        except ValueError:
            return cls(StatusKind.OTHER)
        expires = words[-1]
        return cls(kind, int(expires) if kind is StatusKind.LEFT and expires.isdecimal() else None)


def boot(tokens: Sequence[int]) -> str:
    """The node is about to become a member."""
    return f"BOOT,{tokens[0]}"


def normal(tokens: Sequence[int]) -> str:
    """The node is a member."""
    return f"NORMAL,{tokens[0]}"


def leaving(tokens: Sequence[int]) -> str:
    """The node hands over what it owns."""
    return f"LEAVING,{tokens[0]}"


def left(tokens: Sequence[int], now_us: int) -> str:
    """The node is a member no more."""
    return f"LEFT,{tokens[0]},{now_us // 1000 + _LEFT_EXPIRES_MS}"


def tokens_text(tokens: Sequence[int]) -> str:
    """The value of TOKENS."""
    return ";".join(str(token) for token in tokens)


def tokens_of(text: str | None) -> tuple[int, ...]:
    """The tokens that a value of TOKENS lists; none if it cannot be read."""
    try:
        return tuple(int(token) for token in text.split(";")) if text else ()
    except ValueError:
        return ()
