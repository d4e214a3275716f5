"""Requests that are refused, with what the ERROR for the client says.

These never leave a node as exceptions: its CQL server answers with them.
"""

from harness.codec.cql.errors import AlreadyExists, Error, ErrorCode, ErrorDetails
from harness.errors import HarnessError


class RequestError(HarnessError):
    """A request that a node refuses.

    Args:
        code: of the ERROR.
        text: says what is wrong, naming it.
        details: what the code has besides the text.
    """

    def __init__(self, code: ErrorCode, text: str, details: ErrorDetails | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.details = details

    @property
    def message(self) -> Error:
        """The ERROR with which the request is answered."""
        return Error(code=self.code, text=self.text, details=self.details)


def syntax_error(text: str) -> RequestError:
    """What is no CQL."""
    return RequestError(ErrorCode.SYNTAX_ERROR, text)


def invalid(text: str) -> RequestError:
    """What is CQL, but makes no sense, or is beyond the simulation."""
    return RequestError(ErrorCode.INVALID, text)


def config_error(text: str) -> RequestError:
    """Options that make no sense."""
    return RequestError(ErrorCode.CONFIG_ERROR, text)


def already_exists(keyspace: str, table: str = "") -> RequestError:
    """A keyspace, or a table, view or type in it, that is there."""
    what = f'Cannot add already existing table "{table}" to keyspace "{keyspace}"'
    if not table:
        what = f'Cannot add existing keyspace "{keyspace}"'
    return RequestError(ErrorCode.ALREADY_EXISTS, what, AlreadyExists(keyspace=keyspace, table=table))
