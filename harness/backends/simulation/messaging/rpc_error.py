"""What becomes of a request that gets no reply."""

from harness.errors import HarnessError


class RpcError(HarnessError):
    """A request that got no reply; these stay inside the node, which decides what to do about it."""


class RpcTimeoutError(RpcError):
    """No reply came in time."""


class RpcClosedError(RpcError):
    """The connection was closed, or could not be opened."""


class RemoteError(RpcError):
    """The peer's handler failed, and says why."""


class NoReplyError(HarnessError):
    """Raised by a handler whose request is to stay unanswered."""
