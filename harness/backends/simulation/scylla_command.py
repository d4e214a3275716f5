"""Scylla's own command line and scylla.yaml, as far as a simulated node understands them.

A simulated node can so stand where a ``scylla`` executable stands: what starts the one starts the other. Every setting
of scylla.yaml is an option too, with hyphens for underscores; the command line wins. What Scylla's runtime takes for
itself (cores, memory) is accepted and has no effect, for a simulated node has one shard; everything else that is not
known is refused, as Scylla refuses it.

Source:
    Scylla, db/config.cc (settings, and their names on the command line), main.cc (--version, --options-file),
    conf/cassandra-rackdc.properties; Seastar, src/core/reactor.cc (what its runtime takes, and which of that are switches),
    src/core/app-template.cc (arguments that are no options are refused).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from harness.backends.simulation.node_config import NodeConfig
from harness.errors import BackendError

_RUNTIME_OPTIONS = frozenset(
    {
        "smp",
        "memory",
        "reserve-memory",
        "overprovisioned",
        "cpuset",
        "task-quota-ms",
        "idle-poll-time-us",
        "poll-mode",
        "max-networking-io-control-blocks",
        "unsafe-bypass-fsync",
        "kernel-page-cache",
        "blocked-reactor-notify-ms",
        "reactor-backend",
        "io-setup",
        "default-log-level",
        "logger-log-level",
        "log-to-stdout",
        "log-to-syslog",
        "collectd",
        "num-io-groups",
        "lock-memory",
        "thread-affinity",
        "abort-on-seastar-bad-alloc",
        "dump-memory-diagnostics-on-alloc-failure-kind",
        "relaxed-dma",
        "developer-mode",
    }
)
"""Of Seastar, and others that change nothing that can be seen on the wire."""

_SWITCHED_ON = frozenset(
    {"overprovisioned", "poll-mode", "relaxed-dma", "abort-on-seastar-bad-alloc", "version"}
)
"""Options that never have a value: what stands behind one is an argument too many."""

_IGNORED_SETTINGS = frozenset(
    {
        "api_doc_dir",
        "api_ui_dir",
        "authenticator",
        "authorizer",
        "auto_snapshot",
        "batch_size_fail_threshold_in_kb",
        "batch_size_warn_threshold_in_kb",
        "commitlog_directory",
        "commitlog_segment_size_in_mb",
        "commitlog_sync",
        "commitlog_sync_period_in_ms",
        "commitlog_use_o_dsync",
        "data_file_directories",
        "enable_sstables_mc_format",
        "enable_user_defined_functions",
        "experimental",
        "experimental_features",
        "hints_directory",
        "murmur3_partitioner_ignore_msb_bits",
        "prometheus_address",
        "prometheus_port",
        "schema_commitlog_directory",
        "schema_commitlog_segment_size_in_mb",
        "skip_wait_for_gossip_to_settle",
        "start_native_transport",
        "start_rpc",
        "view_building",
        "view_hints_directory",
    }
)
"""Settings about files, logs and doors that the simulation does not have."""

_NUMBERS = frozenset(
    {
        "num_tokens",
        "storage_port",
        "native_transport_port",
        "api_port",
        "ring_delay_ms",
        "shutdown_announce_in_ms",
        "write_request_timeout_in_ms",
        "read_request_timeout_in_ms",
        "range_request_timeout_in_ms",
        "counter_write_request_timeout_in_ms",
        "cas_contention_timeout_in_ms",
        "truncate_request_timeout_in_ms",
        "request_timeout_in_ms",
    }
)
_SWITCHES = frozenset({"auto_bootstrap", "hinted_handoff_enabled", "cache_hit_rate_read_balancing"})
_TEXTS = frozenset({"cluster_name", "listen_address", "internode_compression", "endpoint_snitch"})
_ADDRESSES = frozenset(
    {"rpc_address", "broadcast_address", "broadcast_rpc_address", "api_address", "alternator_address"}
)
"""Accepted if they say what listen_address says, or everywhere."""
_OTHERS = frozenset({"seed_provider", "seed_provider_parameters", "initial_token", "workdir", "partitioner"})
_EVERYWHERE = "0.0.0.0"  # noqa: S104  (a value that is compared with)
_PARTITIONER = "Murmur3Partitioner"
_SNITCHES_WITH_FILE = frozenset({"GossipingPropertyFileSnitch"})
_RACKDC = "cassandra-rackdc.properties"

RELEASE = "4.2.4-simulated"
"""What ``--version`` prints."""


def read_command(
    arguments: Sequence[str], *, default_options_file: Path | None = None, own_address: str | None = None
) -> NodeConfig | None:
    """Understand a command line.

    Args:
        arguments: what stands behind the program's name.
        default_options_file: scylla.yaml where none is named.
        own_address: what to listen on where neither says it.

    Returns:
        The settings of the node; None: only its version is asked for.

    Raises:
        BackendError: an option or a setting is not known, has no such value, or is missing.
    """
    options = dict(_options(arguments))
    if "version" in options:
        return None
    options_file = options.pop("options-file", None)
    path = Path(options_file) if options_file is not None else default_options_file
    settings = {} if path is None else _read_yaml(path)
    for name, value in options.items():
        if name not in _RUNTIME_OPTIONS:
            settings[name.replace("-", "_")] = value
    if own_address is not None and settings.get("listen_address", "localhost") == "localhost":
        settings["listen_address"] = own_address
    return _config_of(settings, None if path is None else path.parent)


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    left = list(arguments)
    while left:
        argument = left.pop(0)
        if not argument.startswith("--"):
            raise BackendError(f"bad command line: {argument!r} is no option")
        name, equals, value = argument.removeprefix("--").partition("=")
        if name in _SWITCHED_ON and not equals:
            yield name, "1"
        elif equals:
            yield name, value
        elif left:
            yield name, left.pop(0)
        else:
            raise BackendError(f"bad command line: --{name} has no value")


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise BackendError(f"{path} cannot be read: {error}") from error
    if told is None:
        return {}
    if not isinstance(told, dict):
        raise BackendError(f"{path} is no scylla.yaml: it is not a list of settings")
    return told


def _config_of(settings: Mapping[str, Any], folder: Path | None) -> NodeConfig:
    known = _NUMBERS | _SWITCHES | _TEXTS | _ADDRESSES | _OTHERS | _IGNORED_SETTINGS
    unknown = sorted(set(settings) - known)
    if unknown:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in unknown)
        raise BackendError(f"unrecognised option: {names} (as a setting, with underscores)")
    values: dict[str, Any] = {
        **{name: _number(name, settings[name]) for name in _NUMBERS & settings.keys()},
        **{name: _switch(name, settings[name]) for name in _SWITCHES & settings.keys()},
        **{
            name: str(settings[name])
            for name in ("cluster_name", "internode_compression")
            if name in settings
        },
    }
    address = str(settings.get("listen_address", "localhost"))
    if address in {"localhost", _EVERYWHERE}:
        raise BackendError(f"listen_address is {address}: other nodes cannot reach that")
    for name in _ADDRESSES & settings.keys():
        if settings[name] not in {address, _EVERYWHERE}:
            raise BackendError(f"{name} is {settings[name]}, but a simulated node has one address: {address}")
    if not str(settings.get("partitioner", _PARTITIONER)).endswith(_PARTITIONER):
        raise BackendError(f"partitioner is {settings['partitioner']}; there is only {_PARTITIONER}")
    snitch = str(settings.get("endpoint_snitch", "SimpleSnitch")).rpartition(".")[2]
    tokens = str(settings.get("initial_token") or "")
    return NodeConfig(
        name=address,
        listen_address=address,
        seeds=_seeds(settings, address),
        data_folder=str(settings.get("workdir", "/var/lib/scylla")),
        snitch=snitch,
        initial_token=tuple(_number("initial_token", token) for token in tokens.split(",") if token.strip()),
        **_place(snitch, folder),
        **values,
    )


def _seeds(settings: Mapping[str, Any], address: str) -> tuple[str, ...]:
    """From ``seed_provider`` as scylla.yaml has it, or its parameters as the command line has them, which win."""
    text = None
    if "seed_provider_parameters" in settings:
        text = str(settings["seed_provider_parameters"]).removeprefix("seeds=")
    if text is None and "seed_provider" in settings:
        try:
            (provider,) = settings["seed_provider"]
            (parameters,) = provider["parameters"]
            text = parameters["seeds"]
        except (ValueError, KeyError, TypeError) as error:
            raise BackendError(
                "seed_provider has another form than in scylla.yaml as it is delivered"
            ) from error
    seeds = tuple(seed.strip() for seed in str(text or address).split(",") if seed.strip())
    return seeds or (address,)


def _place(snitch: str, folder: Path | None) -> dict[str, Any]:
    """Datacenter and rack, from the file beside scylla.yaml if the snitch reads one."""
    if snitch not in _SNITCHES_WITH_FILE:
        return {}
    path = (folder or Path("/etc/scylla")) / _RACKDC
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BackendError(f"{snitch} needs {path}: {error.strerror}") from error
    told: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            told[name.strip()] = value.strip()
    if "dc" not in told or "rack" not in told:
        raise BackendError(f"{path} does not say dc and rack")
    return {"datacenter": told["dc"], "rack": told["rack"]}


def _number(name: str, value: Any) -> int:  # noqa: ANN401  (what a YAML file holds)
    try:
        return int(str(value).strip())
    except ValueError:
        raise BackendError(f"{name} is {value!r}, which is no number") from None


def _switch(name: str, value: Any) -> bool:  # noqa: ANN401  (what a YAML file holds)
    text = str(value).lower()
    if text in {"true", "1", "yes"}:
        return True
    if text in {"false", "0", "no"}:
        return False
    raise BackendError(f"{name} is {value!r}, which is neither true nor false")
