"""What the names in a statement mean in a catalog."""

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.cql.request_error import RequestError, invalid
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.cql.errors import ErrorCode
from harness.ddl import FullName


def keyspace_of(name: FullName, keyspace: str | None) -> str:
    """The keyspace that a name is of.

    Args:
        name: as the statement has it.
        keyspace: the one in use.

    Raises:
        RequestError: INVALID: neither says which.
    """
    found = name.keyspace or keyspace
    if found is None:
        raise invalid(
            "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename"
        )
    return found


def table_named(catalog: Catalog, name: FullName, keyspace: str | None) -> TableLayout:
    """The table or view of a name.

    Raises:
        RequestError: INVALID: there is none.
    """
    found_keyspace = keyspace_of(name, keyspace)
    layout = catalog.table(found_keyspace, name.name)
    # A built-in table without a version is one of other lines, or one that this node has not got.
    if layout is None or layout.table.version is None:
        if not catalog.has_keyspace(found_keyspace):
            raise invalid(f"Keyspace {found_keyspace} does not exist")
        raise invalid(f"unconfigured table {name.name}")
    return layout


def refuse_unknown_keyspace(catalog: Catalog, name: str) -> None:
    """Refuse a keyspace that is not there.

    Raises:
        RequestError: CONFIG_ERROR: it is not.
    """
    if not catalog.has_keyspace(name):
        raise RequestError(ErrorCode.CONFIG_ERROR, f"Cannot find keyspace '{name}'")
