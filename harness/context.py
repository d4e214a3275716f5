"""What is told about a capture: nodes, ring, tables, and the statements that were run meanwhile.

Written as one JSON object; every field may be missing, and fields of other names are passed over:

==============  ======================================================================================
nodes           [{"index": 1, "ip": address, "dc": datacenter, "rack": rack, "smp": shards}, ...];
                a node's name is n and its index
ring            [{"ip", "dc", "rack", "host_id"}, ...]
tokens          [[ring token, address], ...]
tablets         [{"table_id", "last_token", "replicas": [[host id, shard], ...]}, ...]
keyspaces       {keyspace: CREATE KEYSPACE text}
schema          {keyspace: DDL text}, as the stock driver's ``export_as_string`` writes it
tables, views   {"keyspace.table": table id}
steps           [{"at", "done", "coordinator", "cql", "params", "cl", "serial", "note", "rows", "n_rows",
                "error"}, ...]: the statements; times in seconds since 1970
capture         [what dumpcap wrote, line by line]
scenario, doc   name and purpose; version: what the nodes say of theirs; started, ended: seconds since 1970
==============  ======================================================================================
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from harness.ddl import is_ddl, parse_ddl, statements_of
from harness.errors import ContextError, DecodeError
from harness.schema import Schema
from harness.schema_building import SchemaBuilder
from harness.schema_text import keyspace_text, schema_text
from harness.topology import Node, Tablet, Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A CQL statement that a client ran."""

    cql: str
    coordinator: str = ""
    """The address of the node that it was sent to."""
    parameters: tuple[object, ...] | None = None
    consistency_level: str | None = None
    serial_consistency_level: str | None = None
    started_s: float | None = None
    """Seconds since 1970."""
    ended_s: float | None = None
    note: str | None = None
    rows: tuple[object, ...] = ()
    row_count: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is told about a capture."""

    topology: Topology = field(default_factory=Topology)
    schema: Schema = field(default_factory=Schema)
    statements: tuple[Statement, ...] = ()
    scenario: str = ""
    doc: str = ""
    version: str = ""
    started_s: float | None = None
    ended_s: float | None = None
    capture: tuple[str, ...] = ()
    """What the capturing program wrote."""

    @property
    def dropped_packets(self) -> int | None:
        """How many packets the capturing program says it lost; None where it says nothing."""
        counts = [int(match[1]) for line in self.capture if (match := _DUMPCAP_COUNTS.search(line))]
        return sum(counts) if counts else None


_DUMPCAP_COUNTS = re.compile(r"received/dropped on interface .*?: \d+/(\d+)")


def context_from_json(text: str) -> Context:
    """Read a context.

    Raises:
        ContextError: the text is not JSON, or a field has not the form that the module describes.
    """
    try:
        value: object = json.loads(text)
    except ValueError as error:
        raise ContextError(f"no JSON: {error}") from None
    except RecursionError:
        raise ContextError("no context: nested too deeply") from None
    if not isinstance(value, dict):
        raise ContextError(f"no context: {_kind(value)} instead of an object")
    source = _Object(value, "")
    return Context(
        topology=_topology(source),
        schema=_schema(source),
        statements=tuple(_statement(step) for step in source.objects("steps")),
        scenario=source.text("scenario") or "",
        doc=source.text("doc") or "",
        version=source.text("version") or "",
        started_s=source.number("started"),
        ended_s=source.number("ended"),
        capture=tuple(source.texts("capture")),
    )


def context_to_json(context: Context) -> str:
    """Write a context; ``context_from_json`` gives it back, but for versions of tables before their last."""
    topology, schema = context.topology, context.schema
    tables = [table for table in schema.tables if table.id is not None]
    written: dict[str, object] = {
        "scenario": context.scenario,
        "doc": context.doc,
        "version": context.version,
        "started": context.started_s,
        "ended": context.ended_s,
        "nodes": [
            {
                "index": _index(node.name),
                "ip": node.address,
                "dc": node.datacenter,
                "rack": node.rack,
                "smp": node.shards,
            }
            for node in topology.nodes
        ],
        "ring": [
            {"ip": node.address, "dc": node.datacenter, "rack": node.rack, "host_id": str(node.host_id)}
            for node in topology.nodes
            if node.host_id is not None
        ],
        "tokens": [[token, node.address] for token, node in topology.ring],
        "tablets": [
            {
                "table_id": str(tablet.table_id),
                "last_token": tablet.last_token,
                "replicas": [[str(host_id), shard] for host_id, shard in tablet.replicas],
            }
            for tablet in topology.tablets
        ],
        "tables": {table.full_name: str(table.id) for table in tables if table.base is None},
        "views": {table.full_name: str(table.id) for table in tables if table.base is not None},
        "keyspaces": {keyspace.name: keyspace_text(keyspace) for keyspace in schema.known_keyspaces},
        "schema": {name: schema_text(schema, name) for name in _keyspace_names(schema)},
        "steps": [_step(statement) for statement in context.statements],
        "capture": list(context.capture),
    }
    return json.dumps(written, indent=1, ensure_ascii=False) + "\n"


def _keyspace_names(schema: Schema) -> list[str]:
    return sorted({table.keyspace for table in schema.tables} | set(schema.keyspaces))


def _index(name: str) -> int | None:
    return int(name[1:]) if re.fullmatch(r"n\d{1,9}", name) else None


# Topology.


def _topology(source: "_Object") -> Topology:
    tokens: dict[str, list[int]] = {}
    for path, pair in source.lists("tokens"):
        match pair:
            case [int() as token, str() as owner]:
                tokens.setdefault(owner, []).append(token)
            case _:
                raise ContextError(f"{path}: a ring token and an address are wanted")
    ring = {entry.text("ip") or "": entry for entry in source.objects("ring")}
    nodes: dict[str, Node] = {}
    listed = list(source.objects("nodes"))
    indices = [number for entry in listed if (number := entry.integer("index")) is not None]
    index_next = max(indices, default=0) + 1
    for entry in [*listed, *ring.values()]:
        address = entry.text("ip")
        if not address:
            raise ContextError(f"{entry.path}: a node without ip")
        if address in nodes:
            continue
        index = entry.integer("index")
        if index is None:
            index, index_next = index_next, index_next + 1
        place = ring.get(address, entry)
        nodes[address] = Node(
            name=f"n{index}",
            address=address,
            host_id=place.uuid("host_id"),
            datacenter=entry.text("dc") or place.text("dc") or "",
            rack=entry.text("rack") or place.text("rack") or "",
            shards=entry.integer("smp"),
            tokens=tuple(sorted(tokens.get(address, ()))),
        )
    names = [node.name for node in nodes.values()]
    if len(set(names)) != len(names):
        raise ContextError("nodes: two of them have the same index")
    tablets = tuple(_tablet(entry) for entry in source.objects("tablets"))
    return Topology(tuple(nodes.values()), tablets)


def _tablet(entry: "_Object") -> Tablet:
    table_id, last_token = entry.uuid("table_id"), entry.integer("last_token")
    if table_id is None or last_token is None:
        raise ContextError(f"{entry.path}: a tablet without table_id or last_token")
    replicas = []
    for path, pair in entry.lists("replicas"):
        match pair:
            case [str() as host_id, int() as shard]:
                replicas.append((_uuid(host_id, path), shard))
            case _:
                raise ContextError(f"{path}: a host id and a shard are wanted")
    return Tablet(table_id=table_id, last_token=last_token, replicas=tuple(replicas))


# Schema.


def _schema(source: "_Object") -> Schema:
    builder = SchemaBuilder()
    for path, cql in (*source.mapping("keyspaces"), *source.mapping("schema")):
        for statement in statements_of(cql):
            # What the driver can write of functions, roles and the like, no id on the wire depends on.
            if is_ddl(statement):
                try:
                    builder.apply(parse_ddl(statement), path.rpartition(".")[2])
                except DecodeError as error:
                    raise ContextError(f"{path}: {error.what}") from None
    for path, table_id in (*source.mapping("tables"), *source.mapping("views")):
        keyspace, _, name = path.partition(".")[2].partition(".")
        builder.set_table(keyspace, name, id=_uuid(table_id, path))
    return builder.schema()


# Statements.


def _statement(step: "_Object") -> Statement:
    parameters = step.value.get("params")
    rows = step.value.get("rows")
    return Statement(
        cql=step.text("cql") or "",
        coordinator=step.text("coordinator") or "",
        parameters=tuple(parameters) if isinstance(parameters, list) else None,
        consistency_level=step.text("cl"),
        serial_consistency_level=step.text("serial"),
        started_s=step.number("at"),
        ended_s=step.number("done"),
        note=step.text("note"),
        rows=tuple(rows) if isinstance(rows, list) else (),
        row_count=step.integer("n_rows"),
        error=step.text("error"),
    )


def _step(statement: Statement) -> dict[str, object]:
    return {
        "at": statement.started_s,
        "coordinator": statement.coordinator,
        "cql": statement.cql,
        "params": None if statement.parameters is None else list(statement.parameters),
        "cl": statement.consistency_level,
        "serial": statement.serial_consistency_level,
        "note": statement.note,
        "rows": list(statement.rows),
        "n_rows": statement.row_count,
        "done": statement.ended_s,
        "error": statement.error,
    }


# JSON values, checked as they are taken.


@dataclass(frozen=True, slots=True)
class _Object:
    value: Mapping[str, object]
    path: str

    def _path(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def text(self, name: str) -> str | None:
        value = self.value.get(name)
        if value is None or isinstance(value, str):
            return value
        raise ContextError(f"{self._path(name)}: {_kind(value)} instead of text")

    def integer(self, name: str) -> int | None:
        value = self.value.get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise ContextError(f"{self._path(name)}: {_kind(value)} instead of a whole number")

    def number(self, name: str) -> float | None:
        value = self.value.get(name)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        raise ContextError(f"{self._path(name)}: {_kind(value)} instead of a number")

    def uuid(self, name: str) -> UUID | None:
        text = self.text(name)
        return None if text is None else _uuid(text, self._path(name))

    def items(self, name: str) -> Iterable[tuple[str, object]]:
        value = self.value.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise ContextError(f"{self._path(name)}: {_kind(value)} instead of a list")
        return [(f"{self._path(name)}[{index}]", item) for index, item in enumerate(value)]

    def texts(self, name: str) -> list[str]:
        texts = []
        for path, item in self.items(name):
            if not isinstance(item, str):
                raise ContextError(f"{path}: {_kind(item)} instead of text")
            texts.append(item)
        return texts

    def lists(self, name: str) -> list[tuple[str, list[object]]]:
        lists = []
        for path, item in self.items(name):
            if not isinstance(item, list):
                raise ContextError(f"{path}: {_kind(item)} instead of a list")
            lists.append((path, item))
        return lists

    def objects(self, name: str) -> list["_Object"]:
        objects = []
        for path, item in self.items(name):
            if not isinstance(item, dict):
                raise ContextError(f"{path}: {_kind(item)} instead of an object")
            objects.append(_Object(item, path))
        return objects

    def mapping(self, name: str) -> list[tuple[str, str]]:
        value = self.value.get(name)
        if value is None:
            return []
        if not isinstance(value, dict):
            raise ContextError(f"{self._path(name)}: {_kind(value)} instead of an object")
        pairs = []
        for key, item in value.items():
            if not isinstance(item, str):
                raise ContextError(f"{self._path(name)}.{key}: {_kind(item)} instead of text")
            pairs.append((f"{self._path(name)}.{key}", item))
        return pairs


def _uuid(text: str, path: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ContextError(f"{path}: {text!r} is no UUID") from None


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
