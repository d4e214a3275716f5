"""The statements that clients have prepared, by id; and texts that come again and again.

Source:
    Scylla (branch 4.2), cql3/query_processor.cc (compute_id; on_update_column_family: what a change of the schema
    makes unknown); the id measured on PREPARED of captures.
"""

import hashlib
from collections import OrderedDict

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.cql.preparation import PreparedStatement, prepare
from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.node_context import NodeContext
from harness.codec.cql.errors import ErrorCode, Unprepared
from harness.codec.cql.results import Column as ResultColumn

STATEMENTS_MAX = 10_000
TEXTS_MAX = 1000


class PreparedStatements:
    """Statements, always as the schema is now.

    Args:
        context: knows the schema.
        statements_max: how many are kept; the one that was used least recently goes first.
    """

    def __init__(self, context: NodeContext, *, statements_max: int = STATEMENTS_MAX) -> None:
        self._context = context
        self._statements_max = statements_max
        self._by_id: OrderedDict[bytes, tuple[str, PreparedStatement]] = OrderedDict()
        self._by_text: OrderedDict[tuple[str, str | None], PreparedStatement] = OrderedDict()

    def prepare(self, text: str, keyspace: str | None) -> tuple[bytes, PreparedStatement]:
        """Prepare a statement and keep it.

        Returns:
            Its id, the same on all nodes, and the statement.

        Raises:
            RequestError: it is not understood, names what is not there, or makes no sense.
        """
        statement_id = id_of(text, keyspace)
        known = self._known(statement_id)
        if known is not None:
            return statement_id, known
        statement = prepare(self._context.catalog, text, keyspace)
        self._by_id[statement_id] = text, statement
        if len(self._by_id) > self._statements_max:
            self._by_id.popitem(last=False)
        return statement_id, statement

    def of_id(self, statement_id: bytes) -> PreparedStatement:
        """The statement with an id.

        Raises:
            RequestError: UNPREPARED: there is none, or the tables that it names have other columns by now.
        """
        statement = self._known(statement_id)
        if statement is None:
            raise RequestError(
                ErrorCode.UNPREPARED,
                f"No prepared statement with ID {statement_id.hex()} found.",
                Unprepared(statement_id=statement_id),
            )
        return statement

    def text_and_markers(self, statement_id: bytes) -> tuple[str, tuple[ResultColumn, ...]]:
        """The text of a statement, and what its values are; nothing if there is none with that id."""
        kept = self._by_id.get(statement_id)
        statement = self._known(statement_id)
        return "" if kept is None else kept[0], () if statement is None else statement.markers

    def of_text(self, text: str, keyspace: str | None) -> PreparedStatement:
        """The statement that a text is, though nobody has prepared it.

        Raises:
            RequestError: it is not understood, names what is not there, or makes no sense.
        """
        key = (text, keyspace)
        statement = self._by_text.get(key)
        if statement is None or statement.catalog is not self._context.catalog:
            statement = self._by_text[key] = prepare(self._context.catalog, text, keyspace)
            if len(self._by_text) > TEXTS_MAX:
                self._by_text.popitem(last=False)
        self._by_text.move_to_end(key)
        return statement

    def _known(self, statement_id: bytes) -> PreparedStatement | None:
        kept = self._by_id.get(statement_id)
        if kept is None:
            return None
        text, statement = kept
        if statement.catalog is not self._context.catalog:
            now = _as_it_is_now(text, statement, self._context.catalog)
            if now is None:
                del self._by_id[statement_id]
                return None
            statement = now
            self._by_id[statement_id] = text, now
        self._by_id.move_to_end(statement_id)
        return statement


def id_of(text: str, keyspace: str | None) -> bytes:
    """The id of a prepared statement: of the keyspace in use and the text, one behind the other."""
    return hashlib.md5(((keyspace or "") + text).encode(), usedforsecurity=False).digest()


def _as_it_is_now(text: str, statement: PreparedStatement, catalog: Catalog) -> PreparedStatement | None:
    """Prepare a statement anew; None where its client has to hear that its columns are others."""
    for layout in statement.layouts:
        now = catalog.table(layout.table.keyspace, layout.table.name)
        if now is None or now.table.id != layout.table.id or now.types != layout.types:
            return None
    try:
        return prepare(catalog, text, statement.keyspace)
    except RequestError:
        return None
