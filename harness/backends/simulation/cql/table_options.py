"""Options of keyspaces and tables: what stands behind WITH.

Source:
    ScyllaDB docs, CQL reference, "Data Definition", "Table options"; Scylla (branch 4.2), cql3/statements/
    cf_prop_defs.cc, ks_prop_defs.cc (what is refused).
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.backends.simulation.cql.request_error import config_error, invalid, syntax_error
from harness.backends.simulation.cql.statements import Options, OptionValue
from harness.backends.simulation.table_properties import TableProperties
from harness.replication import NETWORK_TOPOLOGY_STRATEGY, SIMPLE_STRATEGY, Replication

_FLOATS = frozenset(
    {"bloom_filter_fp_chance", "crc_check_chance", "dclocal_read_repair_chance", "read_repair_chance"}
)
_INTEGERS = frozenset(
    {
        "default_time_to_live",
        "gc_grace_seconds",
        "max_index_interval",
        "memtable_flush_period_in_ms",
        "min_index_interval",
    }
)
_MAPS = frozenset({"caching", "compaction", "compression"})
_TEXTS = frozenset({"comment", "speculative_retry"})
_COMPACTIONS = frozenset(
    {
        "SizeTieredCompactionStrategy",
        "LeveledCompactionStrategy",
        "DateTieredCompactionStrategy",
        "TimeWindowCompactionStrategy",
        "IncrementalCompactionStrategy",
        "NullCompactionStrategy",
    }
)
_SPECULATIVE_RETRY = re.compile(r"NONE|ALWAYS|\d+(\.\d+)?(PERCENTILE|MS)", re.IGNORECASE)


def properties_of(options: Options, before: TableProperties) -> tuple[TableProperties, str | None]:
    """Read the options of a table or view.

    Args:
        options: as the statement has them.
        before: what is not told stays as it is here.

    Returns:
        The properties, and the id that the table is to have, if the statement says so.

    Raises:
        RequestError: SYNTAX_ERROR: there is no such option, or it is of another form; CONFIG_ERROR: its value makes
            no sense; INVALID: it is not simulated.
    """
    if options.is_compact:
        raise invalid("COMPACT STORAGE is not simulated")
    changes: dict[str, Any] = {}
    table_id: str | None = None
    for name, value in options.named:
        if name in changes:
            raise syntax_error(f"Multiple definition for property '{name}'")
        if name == "id":
            table_id = _text(name, value)
        elif name == "cdc":
            _refuse_cdc(value)
        else:
            changes[name] = _value(name, value)
    return replace(before, **changes), table_id


def _value(name: str, value: OptionValue) -> object:
    if name in _MAPS:
        return _map(name, value)
    if name in _FLOATS:
        return _number(name, value, float)
    if name in _INTEGERS:
        number = _number(name, value, int)
        if number < 0:
            raise config_error(f"{name} cannot be smaller than 0, (default 0)")
        return number
    if name in _TEXTS:
        text = _text(name, value)
        if name == "speculative_retry" and not _SPECULATIVE_RETRY.fullmatch(text):
            raise config_error(f"Cannot convert {text} to speculative_retry")
        return text
    raise syntax_error(f"Unknown property '{name}'")


def _text(name: str, value: OptionValue) -> str:
    if not isinstance(value, str):
        raise syntax_error(f"Invalid value for property '{name}'. It should be a string")
    return value


def _number(name: str, value: OptionValue, number_of: Callable[[str], Any]) -> Any:  # noqa: ANN401  (int or float)
    try:
        return number_of(_text(name, value))
    except ValueError:
        raise syntax_error(f"Invalid value {value} for property '{name}'") from None


def _map(name: str, value: OptionValue) -> tuple[tuple[str, str], ...]:
    if isinstance(value, str):
        raise syntax_error(f"Invalid value for property '{name}'. It should be a map.")
    if name == "compaction":
        given = dict(value).get("class")
        if given is None:
            raise config_error("Missing sub-option 'class' for the 'compaction' option.")
        if given.rpartition(".")[2] not in _COMPACTIONS:
            raise config_error(f"Unable to find compaction strategy class '{given}'")
    return value


def _refuse_cdc(value: OptionValue) -> None:
    if isinstance(value, str) or dict(value).get("enabled", "false").lower() != "false":
        raise invalid("cdc is not simulated")


def replication_of(keyspace: str, options: Options) -> tuple[Replication | None, bool | None]:
    """Read the options of a keyspace.

    Returns:
        Its replication, and whether its writes are durable; None: not told.

    Raises:
        RequestError: SYNTAX_ERROR: there is no such option; CONFIG_ERROR: the replication makes no sense.
    """
    replication: Replication | None = None
    durable: bool | None = None
    for name, value in options.named:
        if name == "replication":
            if isinstance(value, str):
                raise syntax_error(f"Invalid value for property '{name}'. It should be a map.")
            replication = _replication(keyspace, value)
        elif name == "durable_writes":
            durable = _text(name, value).lower() in {"true", "1", "yes"}
        else:
            raise syntax_error(f"Unknown property '{name}'")
    return replication, durable


def _replication(keyspace: str, options: tuple[tuple[str, str], ...]) -> Replication:
    by_name = dict(options)
    if "class" not in by_name:
        raise config_error("Missing mandatory replication strategy class")
    replication = Replication.of(options)
    if replication.strategy not in {SIMPLE_STRATEGY, NETWORK_TOPOLOGY_STRATEGY}:
        raise config_error(f"Unable to find replication strategy class '{by_name['class']}'")
    for name, value in options:
        if name != "class" and not value.isdecimal():
            raise config_error(f"Replication factor must be numeric; found {value}")
    if replication.strategy == SIMPLE_STRATEGY:
        if replication.factor is None:
            raise config_error("SimpleStrategy requires a replication_factor strategy option.")
        for name, _ in replication.factors:
            raise config_error(
                f"Unrecognized strategy option {{{name}}} passed to SimpleStrategy for keyspace {keyspace}"
            )
    elif not replication.factors and replication.factor is None:
        raise config_error(
            "NetworkTopologyStrategy requires a replication factor for at least one datacenter"
        )
    return replication
