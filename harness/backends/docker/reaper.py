"""Removing what killed runs have left in the engine."""

from collections.abc import Mapping

from harness.backends.docker.engine import Engine
from harness.backends.docker.labels import OWNER, is_left_over


def reap(engine: Engine, *, with_kept: bool = False) -> tuple[str, ...]:
    """Remove containers and networks of processes of this machine that have ended; name what that was.

    Args:
        engine: where to look.
        with_kept: remove clusters that were to stay, too.

    Raises:
        BackendError: something of that cannot be removed.
    """
    removed: list[str] = []
    with engine.refusing("containers cannot be listed"):
        containers = engine.api.containers(all=True, filters={"label": OWNER})
        networks = engine.api.networks(filters={"label": OWNER})
    for container in containers:
        if is_left_over(container["Labels"], with_kept=with_kept):
            engine.remove_container(container["Id"])
            removed.append(f"container {container['Names'][0].lstrip('/')}")
    for network in networks:
        if is_left_over(network["Labels"], with_kept=with_kept):
            engine.remove_network(network["Id"])
            removed.append(f"network {network['Name']}")
    return tuple(removed)


def remove_all(engine: Engine, labels: Mapping[str, str]) -> None:
    """Remove all containers and networks that have these labels.

    Raises:
        BackendError: something of that cannot be removed.
    """
    wanted = {"label": [f"{name}={value}" for name, value in labels.items()]}
    with engine.refusing("containers cannot be listed"):
        containers = engine.api.containers(all=True, filters=wanted)
        networks = engine.api.networks(filters=wanted)
    for container in containers:
        engine.remove_container(container["Id"])
    for network in networks:
        engine.remove_network(network["Id"])
