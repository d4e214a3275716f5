"""A session whose answers stand in a capture."""

from collections.abc import Callable
from typing import Any

from cassandra.encoder import Encoder
from cassandra.query import (
    FETCH_SIZE_UNSET,
    UNSET_VALUE,
    BatchStatement,
    BoundStatement,
    PreparedStatement,
    SimpleStatement,
    bind_params,
)

from harness.backends.contract import Parameters
from harness.backends.replay.conversation import (
    Asked,
    Conversation,
    StatementKey,
    batch_key,
    execute_key,
    query_key,
)
from harness.backends.replay.rows import ReplayedRows, driver_message
from harness.codec.cql.notation import UNSET, Value
from harness.ddl import is_ddl
from harness.errors import BackendError

NO_TIMEOUT = 0.0
"""Nothing is waited for."""


class ReplayedAnswer:
    """What ``execute_async`` gives: the answer stands in the capture already."""

    def __init__(self, give: Callable[[], ReplayedRows]) -> None:
        self._give = give

    def result(self) -> ReplayedRows:
        """The rows.

        Raises:
            cassandra.DriverException: the statement failed.
        """
        return self._give()


class ReplaySession:
    """Answers statements from a capture; the contract's ``Session``.

    Args:
        conversation: the statements of the capture.
        coordinator: name of the node to which statements go; None: any.
        is_given: whether what happens now lies before the capture.
        accepts: whether the schema of the capture shows that a change has been made.
    """

    def __init__(
        self,
        conversation: Conversation,
        *,
        coordinator: str | None,
        is_given: Callable[[], bool],
        accepts: Callable[[str], bool],
    ) -> None:
        self._conversation = conversation
        self._coordinator = coordinator
        self._is_given = is_given
        self._accepts = accepts
        self._encoder = Encoder()

    def execute(
        self,
        query: Any,  # noqa: ANN401  (the driver's statements have no types)
        parameters: Parameters = None,
        timeout: float = NO_TIMEOUT,  # noqa: ARG002  (the driver's name)
        trace: bool = False,
    ) -> ReplayedRows:
        """Answer a statement as the capture's coordinator did.

        Raises:
            cassandra.DriverException: it was answered with an ERROR.
            BackendError: the capture does not hold it, or not its answer.
        """
        return self.execute_async(query, parameters, trace).result()

    def execute_async(
        self,
        query: Any,  # noqa: ANN401  (the driver's statements have no types)
        parameters: Parameters = None,
        trace: bool = False,
    ) -> ReplayedAnswer:
        """Find the answer of a statement.

        Raises:
            BackendError: the capture does not hold it, or not its answer.
        """
        if self._is_given():
            return ReplayedAnswer(_no_rows)
        if isinstance(query, str):
            query = SimpleStatement(query)
        elif isinstance(query, PreparedStatement):
            query = query.bind(parameters)
        key, text = self._key(query, parameters)
        if is_ddl(text) and not self._conversation.holds(text) and self._accepts(text):
            return ReplayedAnswer(_no_rows)
        asked = Asked(
            key=key,
            text=text,
            coordinator=self._coordinator,
            consistency=query.consistency_level,
            serial_consistency=query.serial_consistency_level,
            page_size_rows=_page_size_rows(query),
            is_traced=trace,
        )
        metadata = query.prepared_statement.result_metadata if isinstance(query, BoundStatement) else None
        first = self._answer(asked, metadata)

        def next_page(paging_state: bytes) -> Any:  # noqa: ANN401  (the driver's messages have no types)
            following = Asked(key=key, text=text, coordinator=self._coordinator, paging_state=paging_state)
            return self._answer(following, metadata)()

        return ReplayedAnswer(lambda: ReplayedRows(first(), next_page))

    def prepare(self, query: str) -> Any:  # noqa: ANN401  (cassandra.query.PreparedStatement)
        """Prepare a statement as the capture's client did.

        Raises:
            BackendError: the capture does not hold that.
        """
        answer = self._conversation.prepared(query)
        decoded = driver_message(answer)
        assert answer.cql is not None
        return PreparedStatement(
            decoded.bind_metadata,
            decoded.query_id,
            decoded.pk_indexes,
            query,
            None,
            answer.cql.version,
            decoded.column_metadata,
            decoded.result_metadata_id,
        )

    def _key(self, query: Any, parameters: Parameters) -> tuple[StatementKey, str]:  # noqa: ANN401  (the same)
        match query:
            case SimpleStatement():
                text = self._bound(query.query_string, parameters)
                return query_key(text), text
            case BoundStatement():
                prepared = query.prepared_statement
                return execute_key(prepared.query_id, _values(query.values)), prepared.query_string
            case BatchStatement():
                # The driver offers no other way to ask a batch what is in it.
                parts = query._statements_and_parameters  # noqa: SLF001
                statements = [(text, _values(values)) for _, text, values in parts]
                shown = [text if isinstance(text, str) else f"0x{text.hex()}" for text, _ in statements]
                return batch_key(query.batch_type.value, statements), "; ".join(shown)
            case _:
                raise TypeError(f"{type(query).__name__} is no statement")

    def _bound(self, text: str, parameters: Parameters) -> str:
        """Write parameters into a statement, as the driver does before it sends it."""
        return str(bind_params(text, parameters, self._encoder)) if parameters else text

    def _answer(self, asked: Asked, metadata: Any) -> Callable[[], Any]:  # noqa: ANN401  (the driver's)
        occurrence = self._conversation.take(asked)
        reply = occurrence.reply
        if reply is None:
            raise BackendError(
                f"the capture ends before this statement (packet {occurrence.request.frame_first}) is answered:\n"
                f"  {occurrence.text}"
            )
        return lambda: driver_message(reply, metadata)


def _no_rows() -> ReplayedRows:
    def no_page(_: bytes) -> Any:  # noqa: ANN401  (the driver's messages have no types)
        raise AssertionError("no rows, no pages")

    return ReplayedRows(None, no_page)


def _page_size_rows(query: Any) -> int | None:  # noqa: ANN401  (the driver's statements have no types)
    size = query.fetch_size
    return None if size is None or size is FETCH_SIZE_UNSET else int(size)


def _values(values: Any) -> tuple[Value, ...]:  # noqa: ANN401  (bytes, None or the driver's mark)
    return tuple(UNSET if value is UNSET_VALUE else value for value in values)
