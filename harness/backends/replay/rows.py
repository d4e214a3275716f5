"""Answers of a capture as the driver gives them: rows as named tuples, errors as exceptions.

The driver's own decoder reads them, so that types, names and classes are those of a session with real nodes.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cassandra import DriverException
from cassandra.protocol import ErrorMessage, ProtocolHandler, ResultMessage
from cassandra.query import named_tuple_factory

from harness.codec.cql.frame import FLAG_COMPRESSED
from harness.errors import BackendError
from harness.events.message import Message

APPLIED = "[applied]"


def driver_message(answer: Message, result_metadata: Sequence[Any] | None = None) -> Any:  # noqa: ANN401
    """Decode an answer with the driver.

    Args:
        answer: a RESULT or ERROR of the capture.
        result_metadata: of a prepared statement, whose rows come without a description.

    Raises:
        DriverException: it is an ERROR; the class is the one that a session raises.
        BackendError: the driver cannot read it.
    """
    cql = answer.cql
    if cql is None or answer.body is None:
        raise BackendError(f"packet {answer.frame_first}: the answer could not be decoded: {answer.reason}")
    try:
        decoded = ProtocolHandler.decode_message(
            cql.version,
            {},
            answer.msg_id,
            # Payloads are unpacked already.
            cql.flags & ~FLAG_COMPRESSED,
            answer.verb,
            answer.payload,
            None,
            result_metadata,
        )
    except (DriverException, ValueError, TypeError, KeyError, IndexError) as error:
        raise BackendError(f"packet {answer.frame_first}: the driver cannot read it: {error!r}") from error
    if isinstance(decoded, ErrorMessage):
        raise decoded.to_exception()
    return decoded


class ReplayedRows:
    """The rows of a statement: what ``cassandra.cluster.ResultSet`` is to a session.

    Args:
        first: the first page, as the driver decodes it; None: no rows.
        next_page: gives the page behind a paging state.
    """

    def __init__(
        self,
        first: ResultMessage | None,
        next_page: Callable[[bytes], ResultMessage],
    ) -> None:
        self._next_page = next_page
        self.column_names: Sequence[str] | None = None
        self._page: list[Any] = []
        self._paging_state: bytes | None = None
        self._show(first)

    @property
    def current_rows(self) -> Sequence[Any]:
        """The rows of the page that was fetched last."""
        return self._page

    @property
    def has_more_pages(self) -> bool:
        """Whether the answer said that there is another page."""
        return self._paging_state is not None

    @property
    def paging_state(self) -> bytes | None:
        """Where the next page begins."""
        return self._paging_state

    @property
    def was_applied(self) -> bool:
        """Whether the condition was met.

        Raises:
            RuntimeError: as the driver's, if the statement had none.
        """
        if not self.column_names or self.column_names[0] != APPLIED or not self._page:
            raise RuntimeError(f"the rows have no column {APPLIED}: no lightweight transaction")
        return bool(self._page[0][0])

    def one(self) -> Any:  # noqa: ANN401  (a named tuple made of the columns)
        """The first row of the page; None if it has none."""
        return self._page[0] if self._page else None

    def all(self) -> list[Any]:
        """All rows; takes the pages that are left."""
        return list(self)

    def fetch_next_page(self) -> None:
        """Take another page; without one there are no rows."""
        self._show(None if self._paging_state is None else self._next_page(self._paging_state))

    def __iter__(self) -> Iterator[Any]:
        while True:
            yield from self._page
            if not self.has_more_pages:
                return
            self.fetch_next_page()

    def __bool__(self) -> bool:
        return bool(self._page)

    def _show(self, answer: ResultMessage | None) -> None:
        rows = None if answer is None else answer.parsed_rows
        if answer is None or rows is None:
            self._page, self._paging_state = [], None
            return
        self.column_names = answer.column_names
        self._page = list(named_tuple_factory(answer.column_names, rows))
        self._paging_state = answer.paging_state
