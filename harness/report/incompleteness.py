"""What a trace lacks, said plainly."""

from collections import Counter
from collections.abc import Iterable

from harness.events.message import Kind
from harness.events.trace import LostBytes, Missing
from harness.report.flow import Flow

_PLACES_MAX = 5
_NAMES_MAX = 8


def what_is_missing(flow: Flow) -> tuple[str, ...]:
    """List what the capture does not hold or the harness cannot read, one sentence each; empty: nothing."""
    missing = flow.trace.missing
    return (*_lost(missing.lost), *_packets(missing), *_undecoded(flow))


def _lost(lost: Iterable[LostBytes]) -> Iterable[str]:
    by_direction: dict[tuple[str, str], list[LostBytes]] = {}
    for loss in lost:
        connection = loss.connection
        ends = (
            connection.client_node or connection.client.address,
            connection.server_node or connection.server.address,
        )
        by_direction.setdefault(ends if loss.from_client else ends[::-1], []).append(loss)
    for (sender, receiver), losses in by_direction.items():
        sizes = [loss.lost_bytes for loss in losses]
        known = sum(size for size in sizes if size is not None)
        size = f"{known:,} bytes" if None not in sizes else f"at least {known:,} bytes"
        frames = ", ".join(str(loss.frame) for loss in losses[:_PLACES_MAX])
        more = f" and {len(losses) - _PLACES_MAX} more" if len(losses) > _PLACES_MAX else ""
        packets = "packet" if len(losses) == 1 else "packets"
        yield f"From {sender} to {receiver} {size} are missing, noticed at {packets} {frames}{more}."


def _packets(missing: Missing) -> Iterable[str]:
    if missing.dropped_packets:
        yield f"The capturing interface dropped {missing.dropped_packets:,} packets."
    if missing.cut_packets:
        yield f"Of {missing.cut_packets:,} packets the capture holds only a beginning (snap length)."
    if missing.truncated:
        yield f"The capture ends too early: {missing.truncated}."
    if missing.unsupported:
        yield f"Some packets could not be looked into: {missing.unsupported}."
    if missing.skipped_packets:
        yield f"{missing.skipped_packets:,} packets are no TCP and were passed over."


def _undecoded(flow: Flow) -> Iterable[str]:
    names: Counter[str] = Counter()
    for arrow in flow.arrows:
        if arrow.undecoded_bytes or arrow.message.kind is Kind.UNDECODED:
            names[arrow.label] += 1
    if names:
        listed = ", ".join(f"{count:,} {name}" for name, count in names.most_common(_NAMES_MAX))
        more = f", and {len(names) - _NAMES_MAX} other verbs" if len(names) > _NAMES_MAX else ""
        count = names.total()
        which = "message was" if count == 1 else "messages were"
        yield f"{count:,} {which} not decoded to the last byte: {listed}{more}."
