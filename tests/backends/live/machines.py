"""Machines that are none: processes of which a test says how they are."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.backends.network.link_shape import LinkShape


@dataclass
class FakeMachine:
    """A machine that notes what is done to it."""

    name: str
    address: str = "127.0.0.1"
    datacenter: str = "datacenter1"
    rack: str = "rack1"
    is_seed: bool = True
    ended: int | None = None
    """Its exit code; None: it runs."""
    done: list[str] = field(default_factory=list)

    def start(self) -> None:
        self.done.append("start")
        self.ended = None

    def exit_code(self) -> int | None:
        return self.ended

    def last_words(self) -> str:
        return "its log ends with:\n  cannot bind"

    def kill(self) -> None:
        self.done.append("kill")
        self.ended = -9

    def stop(self) -> None:
        self.done.append("stop")
        self.ended = 0

    def pause(self) -> None:
        self.done.append("pause")

    def resume(self) -> None:
        self.done.append("resume")

    def isolate(self, peers: Iterable[str] = ()) -> None:
        self.done.append(f"isolate {','.join(peers)}")

    def heal(self) -> None:
        self.done.append("heal")

    def shape_links(self, peers: Iterable[str], shape: LinkShape) -> None:
        self.done.append(f"shape {','.join(peers)} {shape.delay_ms}")
