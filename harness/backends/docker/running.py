"""Clusters of containers that run, whoever has started them: their nodes, and what they are like."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from docker.errors import NotFound

from harness.backends.contract import Needs
from harness.backends.docker import labels
from harness.backends.docker.engine import Engine
from harness.backends.docker.options import DockerOptions
from harness.backends.scylla_settings import DATACENTER
from harness.errors import BackendError
from harness.topology import order_of


def needs_of(containers: Iterable[Mapping[str, Any]]) -> Needs:
    """What a cluster that runs would fulfil."""
    nodes = list(containers)
    known = {field.name for field in fields(Needs)}
    told = json.loads(nodes[0]["Config"]["Labels"].get(labels.NEEDS, "{}"))
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    datacenters = {node["Config"]["Labels"].get(labels.DATACENTER, DATACENTER) for node in nodes}
    base: dict[str, Any] = {name: value for name, value in values.items() if name in known}
    base |= {"nodes": len(nodes), "datacenters": len(datacenters), "lines": (), "tablets": None}
    base["shards"] = base.get("shards") or 1
    return Needs(**base)


def running_nodes(engine: Engine, name: str) -> list[dict[str, Any]]:
    """What the engine knows of the nodes of a cluster that runs, in order of their names.

    Args:
        engine: where it runs.
        name: of the cluster; empty: the only one.

    Raises:
        BackendError: there is none of that name, or several without one.
    """
    with engine.refusing("containers cannot be listed"):
        listed = engine.api.containers(filters={"label": [labels.NODE, labels.CLUSTER]})
        found = []
        for container in listed:
            # One that is removed meanwhile is none.
            try:
                found.append(dict(engine.api.inspect_container(container["Id"])))
            except NotFound:
                continue
    names = sorted({container["Config"]["Labels"][labels.CLUSTER] for container in found})
    how = "docker compose up -d starts one; so does a run with --keep"
    if name and name not in names:
        raise BackendError(f"no cluster called {name} runs; there are: {', '.join(names) or 'none'}; {how}")
    if not names:
        raise BackendError(f"--attach: no cluster runs that could be attached to; {how}")
    if not name and len(names) > 1:
        raise BackendError(
            f"several clusters run, so say which: --attach={names[0]}; there are: {', '.join(names)}"
        )
    wanted = name or names[0]
    nodes = [node for node in found if node["Config"]["Labels"][labels.CLUSTER] == wanted]
    return sorted(nodes, key=lambda node: order_of(node["Config"]["Labels"][labels.NODE]))


def address_of(container: Mapping[str, Any]) -> str:
    """A node's address."""
    networks = container["NetworkSettings"]["Networks"]
    return str(next(iter(networks.values()))["IPAddress"])


def sidecar_image(engine: Engine, cluster: str, options: DockerOptions) -> str:
    """Of a cluster that came with a sidecar of its own, that one's."""
    if options.attach is not None:
        with engine.refusing("containers cannot be listed"):
            found = engine.api.containers(
                all=True, filters={"label": [f"{labels.CLUSTER}={cluster}", labels.CAPTURE]}
            )
        for container in found:
            return str(container["Image"])
    return options.sidecar_image
