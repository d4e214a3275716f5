"""Options of the pytest plugin: which cluster scenarios run on, and what its nodes are told."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.backends.docker.options import IMAGE, SIDECAR_IMAGE, CaptureBy, ConnectBy, DockerOptions
from harness.backends.executable.options import ExecutableOptions

if TYPE_CHECKING:
    from harness.clusters import Choice


def add_options(parser: pytest.Parser) -> None:
    """Let pytest take them."""
    group = parser.getgroup("wire", "ScyllaDB on the wire")
    group.addoption(
        "--cluster",
        metavar="BACKEND",
        help="the cluster that scenarios run on; simulated (the default): nodes of our own, one process each, on a "
        "network of their own; docker: containers (--image); executable: your own scylla (--scylla-exe); replay: none, "
        "a capture answers (--pcap)",
    )
    group.addoption(
        "--pcap",
        metavar="FILE|FOLDER",
        help="of --cluster=replay: one capture for all scenarios, or a folder in which each finds those of its name",
    )
    group.addoption(
        "--nodes", type=int, metavar="N", help="nodes of clusters whose scenario asks for no number"
    )
    group.addoption(
        "--scylla-version",
        metavar="LINE",
        help="run only scenarios of this version line, such as 4.2 or 2025.1; of replay, only its captures",
    )
    group.addoption(
        "--keep",
        action="store_true",
        help="leave the cluster running, for --attach; containers can, other nodes end with pytest (harness up starts "
        "a simulated cluster that stays)",
    )
    _add_options_of_real_nodes(parser.getgroup("wire nodes", "ScyllaDB on the wire: real nodes"))
    group.addoption(
        "--report-dir", metavar="FOLDER", default="reports", help="where reports go; default: reports"
    )


def expect_sensible(config: pytest.Config) -> None:
    """Refuse options that make no sense.

    Raises:
        pytest.UsageError: a cluster of an unknown name, what another cluster takes, a capture that is missing.
    """
    backend, capture = config.getoption("--cluster"), config.getoption("--pcap")
    if backend is not None:
        from harness.clusters import known_backends  # noqa: PLC0415  (costs time that other tests need not spend)

        if backend not in known_backends():
            known = ", ".join(known_backends())
            raise pytest.UsageError(f"--cluster={backend}: no cluster is called that; there are: {known}")
    if backend == "replay" and capture is None:
        raise pytest.UsageError(
            "--cluster=replay needs a capture, or a folder of captures: --pcap FILE|FOLDER"
        )
    if config.getoption("--keep") and backend in {None, "simulated", "executable"}:
        raise pytest.UsageError(
            f"--keep: {backend or 'simulated'} nodes end with pytest; harness up starts a cluster that stays"
        )
    if config.getoption("--attach") is not None and backend != "docker":
        raise pytest.UsageError("--attach is for --cluster=docker")
    if (config.getoption("--scylla-exe") is None) is (backend == "executable"):
        raise pytest.UsageError(
            "--scylla-exe is for --cluster=executable, which needs the path of your scylla: --scylla-exe PATH"
        )
    if backend != "replay" and capture is not None:
        raise pytest.UsageError("--pcap is for --cluster=replay")
    if capture is not None and not Path(capture).exists():
        raise pytest.UsageError(f"--pcap {capture}: there is no such file or folder")


def choice_of(config: pytest.Config, backend: str) -> "Choice":
    """What they say of the cluster.

    Args:
        config: of pytest.
        backend: the cluster's kind.
    """
    from harness.clusters import Choice  # noqa: PLC0415  (costs time that other tests need not spend)

    arguments = tuple(shlex.split(config.getoption("--scylla-args")))
    yaml = config.getoption("--scylla-yaml")
    overlay = None if yaml is None else Path(yaml)
    has_tablets = config.getoption("--tablets") == "on"
    executable = config.getoption("--scylla-exe")
    return Choice(
        backend=backend,
        docker=DockerOptions(
            image=config.getoption("--image") or IMAGE,
            sidecar_image=config.getoption("--sidecar-image") or SIDECAR_IMAGE,
            connect_by=ConnectBy(config.getoption("--connect-by")),
            capture_by=CaptureBy(config.getoption("--capture-by")),
            arguments=arguments,
            yaml=overlay,
            has_tablets=has_tablets,
            subnet=config.getoption("--docker-subnet"),
            stays=config.getoption("--keep"),
            attach=config.getoption("--attach"),
        ),
        executable=None
        if executable is None
        else ExecutableOptions(
            executable=Path(executable) if "/" not in executable else Path(executable).absolute(),
            prefix=tuple(shlex.split(config.getoption("--exe-prefix"))),
            arguments=arguments,
            yaml=overlay,
            has_tablets=has_tablets,
        ),
    )


def _add_options_of_real_nodes(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--image",
        metavar="IMAGE",
        help=f"of --cluster=docker: what nodes are made of; default: {IMAGE}",
    )
    group.addoption(
        "--attach",
        metavar="CLUSTER",
        nargs="?",
        const="",
        help="of --cluster=docker: use a cluster that runs (docker compose up, or --keep) and start none; scenarios "
        "drop all its keyspaces; with --attach=NAME if there are several",
    )
    group.addoption(
        "--capture-by",
        choices=[way.value for way in CaptureBy],
        default=CaptureBy.AUTO.value,
        help="of --cluster=docker: who records; bridge: dumpcap on this machine; sidecar: a container in the network of "
        "the engine's machine; nodes: one in the network of each node; auto: the first of these that can",
    )
    group.addoption(
        "--connect-by",
        choices=[way.value for way in ConnectBy],
        default=ConnectBy.AUTO.value,
        help="of --cluster=docker: how nodes are reached; relay: through a container and the engine, where this machine "
        "has no way to them (Docker Desktop, DOCKER_HOST); auto: by itself where it can",
    )
    group.addoption(
        "--sidecar-image",
        metavar="IMAGE",
        help="of --cluster=docker: what sidecars are made of: has dumpcap, python3, iptables, ip and tc; default: "
        f"{SIDECAR_IMAGE}",
    )
    group.addoption(
        "--docker-subnet",
        metavar="SUBNET",
        default="",
        help="of --cluster=docker: for the nodes, such as 10.9.8.0/24; default: one that is free",
    )
    group.addoption("--scylla-exe", metavar="PATH", help="of --cluster=executable: the scylla to run")
    group.addoption(
        "--exe-prefix",
        metavar="WORDS",
        default="",
        help='of --cluster=executable: what stands before it, such as "chroot DIR env NAME=VALUE"; paths are then those '
        "inside of DIR: of --scylla-exe, and of the work folders, which are made in DIR/tmp; behind other wrappers the "
        "folder for temporary files (TMPDIR) has to be visible; what a wrapper starts in the node's network namespace is "
        "killed, paused and stopped with the node, whatever sessions it begins",
    )
    group.addoption(
        "--scylla-args", metavar="WORDS", default="", help="added to the command line of real nodes"
    )
    group.addoption(
        "--scylla-yaml", metavar="FILE", help="settings of real nodes, which win over those of the harness"
    )
    group.addoption(
        "--tablets",
        choices=["on", "off"],
        default="off",
        help="whether keyspaces of real nodes have tablets where scenarios do not care; default: off",
    )
