"""What a message is about: tables and partitions, and the text of a statement. An answer is about what it answers."""

from collections.abc import Iterator, Sequence
from functools import cache

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.opcodes import Opcode
from harness.codec.cql.requests import Batch, Execute
from harness.codec.verbs.common import DecoratedKey, FullPosition, Key, PartitionRange
from harness.codec.verbs.mutation import CanonicalMutationFrame, Mutation
from harness.codec.verbs.paxos import PaxosPrepareRequest, PaxosPruneRequest
from harness.codec.verbs.query_result import ResultPartition
from harness.codec.verbs.wire import declared_fields, is_declared
from harness.events.cql_filter_fields import statement_tables, statement_text
from harness.events.message import Kind, Message, Protocol
from harness.events.named_tables import classes_in, table_name, tables_in
from harness.expect.message_index import MessageIndex

_KEY_FIELDS: dict[type, str] = {
    Mutation: "key",
    CanonicalMutationFrame: "key",
    DecoratedKey: "key",
    FullPosition: "partition_key",
    PaxosPrepareRequest: "key",
    PaxosPruneRequest: "key",
    ResultPartition: "key",
}
"""Fields that hold the key of a partition; other keys are of rows, or ends of ranges."""

_Components = tuple[bytes, ...]


def subject_of(message: Message, index: MessageIndex) -> Message:
    """The message that says what it is about: of an answer, its request, where the trace holds that."""
    request = index.request_of(message)
    return message if request is None else request


def tables_of(message: Message, index: MessageIndex) -> Sequence[str] | None:
    """Tables that a message names, as ``keyspace.table``; of unknown ones the id. None: it cannot be decoded."""
    subject = subject_of(message, index)
    if subject.protocol is Protocol.CQL:
        if subject.body is None:
            return None
        return (*statement_tables(subject), *(statement_tables(message) if subject is not message else ()))
    body = subject.body
    if body is None:
        return None
    schema = index.trace.schema
    if isinstance(body, PaxosPruneRequest):
        table_id = index.table_id_of_version.get(body.schema_version)
        return None if table_id is None else (table_name(table_id, schema),)
    return tables_in(body, schema)


def partition_keys_of(message: Message, index: MessageIndex) -> Sequence[_Components] | None:
    """Partition keys that a message names, as CQL values; None: it cannot be decoded."""
    subject = subject_of(message, index)
    body = subject.body
    if body is None:
        return None
    if isinstance(body, CqlMessage):
        return _bound_keys(subject, body)
    return tuple(dict.fromkeys(_keys_in(body)))


def text_of(message: Message, index: MessageIndex) -> str | None:
    """The statement's text, of an answer its request's; several of a batch with ``;``. None: it is unknown."""
    subject = subject_of(message, index)
    if subject.verb != Opcode.BATCH:
        return statement_text(subject)
    body = subject.body
    if isinstance(body, CqlMessage) and isinstance(body.content, Batch):
        texts = [
            item.query if item.query is not None else index.prepared_texts.get(item.statement_id or b"")
            for item in body.content.statements
        ]
        known = [text for text in texts if text is not None]
        return "; ".join(known) if len(known) == len(texts) else None
    return None


def _bound_keys(message: Message, body: CqlMessage) -> Sequence[_Components] | None:
    """The key bound to a prepared statement; statements as text keep theirs to themselves."""
    prepared = None if message.cql is None else message.cql.prepared
    if not isinstance(body.content, Execute) or message.kind is not Kind.REQUEST:
        return ()
    if prepared is None:
        return None
    values = body.content.parameters.values
    indexes = prepared.partition_key_indexes
    if not indexes or max(indexes) >= len(values):
        return ()
    components = tuple(values[index] for index in indexes)
    found = tuple(component for component in components if isinstance(component, bytes))
    return (found,) if len(found) == len(components) else ()


def _keys_in(value: object) -> Iterator[_Components]:
    if isinstance(value, tuple):
        for item in value:
            yield from _keys_in(item)
        return
    if isinstance(value, PartitionRange):
        if value.singular and value.start is not None and value.start.value.key is not None:
            yield value.start.value.key.components
        return
    if not is_declared(value):
        return
    cls: type = type(value)
    key_field = _KEY_FIELDS.get(cls)
    key = None if key_field is None else getattr(value, key_field)
    if isinstance(key, Key):
        yield key.components
    for name in _leading_fields(cls):
        if name != key_field:
            yield from _keys_in(getattr(value, name))


@cache
def _leading_fields(cls: type) -> tuple[str, ...]:
    """Fields of a declared class inside which keys of partitions may stand."""
    return tuple(
        spec.name for spec in declared_fields(cls) if any(_has_keys(inner) for inner in classes_in(spec.wire))
    )


@cache
def _has_keys(cls: type) -> bool:
    return cls is PartitionRange or cls in _KEY_FIELDS or bool(_leading_fields(cls))
