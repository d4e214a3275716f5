"""Every error that leaves the harness, on one page.

HarnessError
    DecodeError            the bytes of a peer or of a file break their format
        TruncatedError     they end too early
    EncodeError            we asked for a message that cannot exist
    BackendError           a cluster cannot be steered, or a capture does not hold what is asked of it
    CaptureError           packets cannot be recorded or read
    ContextError           what is told about a capture (nodes, tables) cannot be read
    FilterError            a filter expression cannot be understood
    DissectorError         Wireshark's dissector cannot be run
    ReportError            the report of a run cannot be written
    ExpectationError       a claim makes no sense

A claim that fails is a verdict, not an error. Misuse of our own Python raises TypeError or ValueError.
"""


class HarnessError(Exception):
    """What the harness raises for everything that a caller can meet."""


class DecodeError(HarnessError):
    """Bytes that break their format.

    Args:
        what: what was being read and which value was found, as a sentence without a full stop.
        layer: the codec, such as ``rpc`` or ``verbs``.
        offset_bytes: where, counted from the first byte that the decoder was given.
    """

    def __init__(self, what: str, *, layer: str, offset_bytes: int) -> None:
        super().__init__(f"{layer}: {what} (at byte {offset_bytes})")
        self.what = what
        self.layer = layer
        self.offset_bytes = offset_bytes


class TruncatedError(DecodeError):
    """Bytes that end before what they announce."""


class EncodeError(HarnessError):
    """A value that has no form on the wire."""


class BackendError(HarnessError):
    """A cluster that cannot be steered; on replay, a capture that does not hold what is asked of it."""


class CaptureError(HarnessError):
    """A capture that cannot be recorded, opened or read at all."""


class ContextError(HarnessError):
    """A context file (names of nodes, tables and their schema) that cannot be read."""


class FilterError(HarnessError):
    """A filter expression that cannot be understood."""


class DissectorError(HarnessError):
    """Wireshark's dissector is missing or failed."""


class ExpectationError(HarnessError):
    """A claim that makes no sense; one that fails is a verdict."""


class ReportError(HarnessError):
    """The report of a run that cannot be written."""
