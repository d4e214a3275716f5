"""The messages that are being made, and when their packets were captured."""

from harness.events.message import Message

_TIMES = 1 << 17
"""How many packets back a frame may begin for its first packet's time to be known."""
TIMES_MASK = _TIMES - 1


class Assembly:
    """Where both kinds of connections put their messages.

    Its attributes are used by the loops that make messages, which have no time for methods.
    """

    def __init__(self) -> None:
        self.messages: list[Message] = []
        """Made since they were last taken."""
        self.count = 0
        """Of all messages so far, and the number of the next one."""
        self.times = [0] * _TIMES
        """Nanoseconds since 1970 of the last packets, by packet number & TIMES_MASK."""

    def take(self) -> list[Message]:
        """Give the messages made since the last call."""
        messages = self.messages
        self.messages = []
        return messages

    def time_ns(self, frame: int) -> int:
        """When a packet was captured."""
        return self.times[frame & TIMES_MASK]

    def first_ns(self, frame_first: int, frame_last: int) -> int:
        """When the first of two packets was captured; the last one's time if it is too far back to be known."""
        if frame_last - frame_first >= _TIMES:
            frame_first = frame_last
        return self.times[frame_first & TIMES_MASK]
