"""Keeps frames back while bytes before them are held up, so that messages come out in order of completion.

A connection that began in mid-stream, or a byte stream with a hole, gives its frames later than their packets;
the frames of other connections then wait for them.
"""

from heapq import heappop, heappush

from harness.codec.cql.frame import Frame as CqlFrame
from harness.codec.rpc.frame import Frame as RpcFrame
from harness.dissect.flows import CqlState, Flow, RpcState

HELD_FRAMES_MAX = 65536
"""Most frames that wait; with one more, order is given up and all are released."""

HeldFrame = tuple[RpcState, RpcFrame] | tuple[CqlState, CqlFrame]


class Holding:
    """Frames that wait, and what they wait for."""

    def __init__(self) -> None:
        self.blocked: dict[RpcState | Flow, int] = {}
        """What holds bytes back, and the first packet of them; empty nearly always."""
        self._frames: list[tuple[int, int, HeldFrame]] = []
        self._count = 0

    def block(self, what: RpcState | Flow, frame: int) -> None:
        """Note that bytes from a packet on are held back."""
        self.blocked.setdefault(what, frame)

    def unblock(self, what: RpcState | Flow) -> bool:
        """Note that nothing is held back any more; return whether anything was."""
        return self.blocked.pop(what, None) is not None

    def hold(self, held: HeldFrame) -> None:
        """Keep a frame until ``release`` gives it."""
        self._count += 1
        # A frame whose beginning was sent again is complete when that came.
        complete_at = max(held[1].first_mark, held[1].last_mark)
        heappush(self._frames, (complete_at, self._count, held))
        if len(self._frames) > HELD_FRAMES_MAX:
            self.blocked.clear()

    def release(self) -> list[HeldFrame]:
        """Give, in order, the frames that nothing held back can precede any more."""
        frames = self._frames
        limit = min(self.blocked.values()) if self.blocked else None
        released = []
        while frames and (limit is None or frames[0][0] < limit):
            released.append(heappop(frames)[2])
        return released
