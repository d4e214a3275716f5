"""CREATE, ALTER and DROP KEYSPACE and TYPE.

Source:
    Scylla (branch 4.2), cql3/statements/create_keyspace_statement.cc, create_type_statement.cc and their like
    (what is refused).
"""

import re

from harness import ddl
from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.cql import statements as s
from harness.backends.simulation.cql.names import keyspace_of
from harness.backends.simulation.cql.request_error import RequestError, already_exists, config_error, invalid
from harness.backends.simulation.cql.schema_plan import SchemaPlan
from harness.backends.simulation.cql.table_options import replication_of
from harness.codec.cql.errors import ErrorCode
from harness.codec.cql.events import SchemaChange
from harness.codec.cql.types import CustomType, identifier
from harness.schema import UserType

NAME_CHARACTERS_MAX = 48
_SYSTEM = re.compile(r"system(_\w+)?")


def refuse_system_keyspace(keyspace: str) -> None:
    """Refuse to change what nodes keep for themselves.

    Raises:
        RequestError: UNAUTHORIZED: it is such a keyspace.
    """
    if _SYSTEM.fullmatch(keyspace):
        raise RequestError(ErrorCode.UNAUTHORIZED, f"{keyspace} keyspace is not user-modifiable.")


def refuse_long_name(kind: str, name: str) -> None:
    """Refuse names that no file could have.

    Raises:
        RequestError: INVALID: the name is too long, or has other characters than letters, digits and underscores.
    """
    if len(name) > NAME_CHARACTERS_MAX:
        raise invalid(
            f'{kind} names shouldn\'t be more than {NAME_CHARACTERS_MAX} characters long (got "{name}")'
        )
    if not re.fullmatch(r"\w+", name):
        raise invalid(f'"{name}" is not a valid {kind.lower()} name')


def create_keyspace(catalog: Catalog, statement: s.CreateKeyspace) -> SchemaPlan:
    """Plan CREATE KEYSPACE.

    Raises:
        RequestError: it makes no sense.
    """
    name = statement.name
    refuse_system_keyspace(name)
    refuse_long_name("Keyspace", name)
    replication, durable = replication_of(name, statement.options)
    if replication is None:
        raise config_error("Missing mandatory replication strategy class")
    if catalog.has_keyspace(name):
        if statement.if_not_exists:
            return SchemaPlan(change=None, keyspace=name)
        raise already_exists(name)
    return SchemaPlan(
        change=ddl.SetKeyspace(name=name, replication=replication, has_tablets=None, creates=True),
        keyspace=name,
        event=SchemaChange(change="CREATED", target="KEYSPACE", keyspace=name),
        durable_writes=durable is not False,
    )


def alter_keyspace(catalog: Catalog, statement: s.AlterKeyspace) -> SchemaPlan:
    """Plan ALTER KEYSPACE.

    Raises:
        RequestError: it makes no sense.
    """
    name = statement.name
    refuse_system_keyspace(name)
    if not catalog.has_keyspace(name):
        raise invalid(f"Unknown keyspace {name}")
    replication, durable = replication_of(name, statement.options)
    return SchemaPlan(
        change=ddl.SetKeyspace(name=name, replication=replication, has_tablets=None, creates=False),
        keyspace=name,
        event=SchemaChange(change="UPDATED", target="KEYSPACE", keyspace=name),
        durable_writes=durable is not False,
    )


def drop_keyspace(catalog: Catalog, statement: s.DropKeyspace) -> SchemaPlan:
    """Plan DROP KEYSPACE.

    Raises:
        RequestError: there is none.
    """
    name = statement.name
    refuse_system_keyspace(name)
    if not catalog.has_keyspace(name):
        if statement.if_exists:
            return SchemaPlan(change=None, keyspace=name)
        raise config_error(f"Cannot drop non existing keyspace '{name}'.")
    return SchemaPlan(
        change=ddl.DropKeyspace(name=name),
        keyspace=name,
        event=SchemaChange(change="DROPPED", target="KEYSPACE", keyspace=name),
    )


# Types.


def user_type(catalog: Catalog, keyspace: str, name: str) -> UserType | None:
    """The type of that name."""
    return next((one for one in types_of(catalog, keyspace) if one.name == name), None)


def types_of(catalog: Catalog, keyspace: str) -> tuple[UserType, ...]:
    """The types of a keyspace."""
    known = catalog.keyspace(keyspace)
    return () if known is None else known.types


def create_type(catalog: Catalog, statement: s.CreateType, keyspace: str | None) -> SchemaPlan:
    """Plan CREATE TYPE.

    Raises:
        RequestError: it makes no sense.
    """
    of, name = keyspace_of(statement.name, keyspace), statement.name.name
    refuse_system_keyspace(of)
    if not catalog.has_keyspace(of):
        raise invalid(f"Cannot add type in unknown keyspace {of}")
    if user_type(catalog, of, name) is not None:
        if statement.if_not_exists:
            return SchemaPlan(change=None, keyspace=of)
        raise invalid(f"A user type of name {of}.{name} already exists")
    seen: set[str] = set()
    for field in statement.fields:
        if field.name in seen:
            raise invalid(f"Duplicate field name {field.name} in type {name}")
        seen.add(field.name)
        _check_field(catalog, of, field)
    return SchemaPlan(
        change=ddl.CreateType(name=ddl.FullName(of, name), fields=statement.fields),
        keyspace=of,
        event=SchemaChange(change="CREATED", target="TYPE", keyspace=of, name=name),
    )


def _check_field(catalog: Catalog, keyspace: str, field: ddl.Definition) -> None:
    if isinstance(catalog.type_of(keyspace, field.type), CustomType):
        raise invalid(f"Unknown type {keyspace}.{field.type}")
    if field.type == "counter":
        raise invalid("A user type cannot contain counters")


def alter_type(catalog: Catalog, statement: s.AlterType, keyspace: str | None) -> SchemaPlan:
    """Plan ALTER TYPE.

    Raises:
        RequestError: it makes no sense.
    """
    of, name = keyspace_of(statement.name, keyspace), statement.name.name
    refuse_system_keyspace(of)
    known = user_type(catalog, of, name)
    if known is None:
        raise invalid(f"No user type named {of}.{name} exists.")
    fields = dict(known.fields)
    full_name = ddl.FullName(of, name)
    change: ddl.Ddl
    match statement.change:
        case s.AddColumns(columns=(field,)):
            if field.name in fields:
                raise invalid(
                    f"Cannot add new field {field.name} to type {of}.{name}: a field of the same name already exists"
                )
            _check_field(catalog, of, field)
            change = ddl.AddField(name=full_name, field=field)
        case s.RenameColumns(renames=renames):
            for rename in renames:
                if rename.old not in fields:
                    raise invalid(f"Unknown field {rename.old} in type {of}.{name}")
                if rename.new in fields:
                    raise invalid(f"Duplicate field name {rename.new} in type {of}.{name}")
            change = ddl.RenameFields(name=full_name, renames=renames)
        case _:
            raise invalid("Altering of types of fields is not simulated")
    return SchemaPlan(
        change=change,
        keyspace=of,
        event=SchemaChange(change="UPDATED", target="TYPE", keyspace=of, name=name),
        touched=_users_of(catalog, of, name),
    )


def drop_type(catalog: Catalog, statement: s.DropType, keyspace: str | None) -> SchemaPlan:
    """Plan DROP TYPE.

    Raises:
        RequestError: there is none, or it is in use.
    """
    of, name = keyspace_of(statement.name, keyspace), statement.name.name
    refuse_system_keyspace(of)
    if user_type(catalog, of, name) is None:
        if statement.if_exists:
            return SchemaPlan(change=None, keyspace=of)
        raise invalid(f"No user type named {of}.{name} exists.")
    for user in _users_of(catalog, of, name):
        raise invalid(f"Cannot drop user type {of}.{name} as it is still used by table {of}.{user}")
    for other in types_of(catalog, of):
        if any(_mentions(type_text, name) for _, type_text in other.fields):
            raise invalid(f"Cannot drop user type {of}.{name} as it is still used by user type {other.name}")
    return SchemaPlan(
        change=ddl.DropType(name=ddl.FullName(of, name)),
        keyspace=of,
        event=SchemaChange(change="DROPPED", target="TYPE", keyspace=of, name=name),
    )


def _users_of(catalog: Catalog, keyspace: str, name: str) -> tuple[str, ...]:
    """The tables that have columns of a type, or of a type made of it."""
    known = types_of(catalog, keyspace)
    names = {name}
    for _ in known:
        for other in known:
            if any(_mentions(type_text, used) for _, type_text in other.fields for used in names):
                names = names | {other.name}
    return tuple(
        table.name
        for table in catalog.schema.tables
        if table.keyspace == keyspace
        and any(_mentions(column.type, used) for column in table.columns for used in names)
    )


def _mentions(type_text: str, name: str) -> bool:
    return re.search(rf'(?<![\w"]){re.escape(identifier(name))}(?![\w"])', type_text) is not None
