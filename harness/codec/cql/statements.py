"""What was prepared in a capture: the text and the columns behind the id in an EXECUTE.

A node gives a statement the same id on all its connections, and all nodes give it the same one, for it is computed
from the keyspace and the text.

Source: native_protocol_v4.spec, "4.2.5.4. Prepared".
"""

from collections.abc import Hashable
from dataclasses import dataclass

from harness.codec.cql.messages import Content
from harness.codec.cql.requests import Execute, Prepare
from harness.codec.cql.results import Column, PreparedResult

STATEMENTS_MAX = 10_000
PENDING_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A prepared statement, as far as the capture tells."""

    statement_id: bytes
    query: str | None
    """None if the PREPARE is not in the capture."""

    bound_columns: tuple[Column, ...]
    """The markers, for ``results.decode_values``."""

    partition_key_indexes: tuple[int, ...]
    """Which of the bound values make up the partition key, in its order."""

    result_columns: tuple[Column, ...]
    """Of the rows that executing it gives, for ``messages.decode_message``."""


class Statements:
    """Remembers what was prepared, and which statement each unanswered EXECUTE names.

    Holds the last statements_max statements and the last pending_max requests.

    Args:
        statements_max: how many statements.
        pending_max: how many requests whose answer has not come.
    """

    def __init__(self, *, statements_max: int = STATEMENTS_MAX, pending_max: int = PENDING_MAX) -> None:
        self._statements_max = statements_max
        self._pending_max = pending_max
        self.known: dict[bytes, Prepared] = {}
        """Of the statement's id; to be looked at only."""
        self._pending: dict[tuple[Hashable, int], str | bytes] = {}
        """Of connection and stream_id: the text of a PREPARE, or the id of an EXECUTE."""

    def see_request(self, connection_key: Hashable, stream_id: int, content: Content) -> Prepared | None:
        """Take note of a request; return the statement that it executes, if it is an EXECUTE of a known one."""
        if isinstance(content, Execute):
            self.see_execute(connection_key, stream_id, content.statement_id)
            return self.known.get(content.statement_id)
        if isinstance(content, Prepare):
            self._remember(connection_key, stream_id, content.query)
        else:
            self._pending.pop((connection_key, stream_id), None)
        return None

    def see_execute(self, connection_key: Hashable, stream_id: int, statement_id: bytes) -> None:
        """Take note of an EXECUTE of which only the id is known."""
        self._remember(connection_key, stream_id, statement_id)

    def see_response(self, connection_key: Hashable, stream_id: int, content: Content) -> Prepared | None:
        """Take note of a response; return the statement that it answers, if that is known."""
        asked = self._pending.pop((connection_key, stream_id), None)
        if isinstance(content, PreparedResult):
            return self._learn(content, asked if isinstance(asked, str) else None)
        return self.known.get(asked) if isinstance(asked, bytes) else None

    def awaited(self, connection_key: Hashable, stream_id: int) -> Prepared | None:
        """Return the statement whose rows a response on this stream holds; asked before it is decoded."""
        asked = self._pending.get((connection_key, stream_id))
        return self.known.get(asked) if isinstance(asked, bytes) else None

    def statement(self, statement_id: bytes) -> Prepared | None:
        """Return a statement by its id."""
        return self.known.get(statement_id)

    def forget_connection(self, connection_key: Hashable) -> None:
        """Nothing will be answered on a connection any more."""
        for key in [key for key in self._pending if key[0] == connection_key]:
            del self._pending[key]

    def _remember(self, connection_key: Hashable, stream_id: int, asked: str | bytes) -> None:
        pending = self._pending
        if len(pending) >= self._pending_max:
            del pending[next(iter(pending))]
        pending[connection_key, stream_id] = asked

    def _learn(self, result: PreparedResult, query: str | None) -> Prepared:
        statements = self.known
        known = statements.pop(result.statement_id, None)
        if query is None and known is not None:
            query = known.query
        if len(statements) >= self._statements_max:
            del statements[next(iter(statements))]
        prepared = Prepared(
            statement_id=result.statement_id,
            query=query,
            bound_columns=result.bound.columns,
            partition_key_indexes=result.bound.partition_key_indexes,
            result_columns=result.result.columns,
        )
        statements[result.statement_id] = prepared
        return prepared
