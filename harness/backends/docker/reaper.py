"""Removing what runs have left: in the engine, and of folders here."""

from collections.abc import Callable, Mapping

from harness.backends.docker.engine import Engine, connected
from harness.backends.docker.labels import OWNER, STAYS, is_left_over, owner
from harness.backends.docker.temporary_folder import left_over_folders, own_folders, remove_folder
from harness.errors import BackendError
from harness.interrupts import interrupts_wait

_ROUNDS_MAX = 3


def clean_up(engine: Engine, *, with_kept: bool = False) -> tuple[str, ...]:
    """Remove what processes of this machine that have ended have left behind; name what that was.

    Args:
        engine: where to look for containers and networks.
        with_kept: remove clusters that were to stay, too.

    Raises:
        BackendError: something of that cannot be removed.
    """
    removed = _reap(engine, with_kept=with_kept)
    folders = left_over_folders()
    for folder in folders:
        remove_folder(folder)
    return (*removed, *(f"folder {folder}" for folder in folders))


@interrupts_wait()
def clean_up_own() -> None:
    """Remove what this process has still got in the engine, but for what is to stay.

    That is what an interrupt has kept from whoever had to remove it: it falls between any two steps.

    Raises:
        BackendError: something of that cannot be removed.
    """
    try:
        engine = connected()
    except BackendError:
        # Where no engine answers, nothing of it can be left.
        return
    _remove(engine, [f"{OWNER}={owner()}"], lambda labels: not labels.get(STAYS))
    for folder in own_folders():
        remove_folder(folder)


def remove_all(engine: Engine, labels: Mapping[str, str]) -> None:
    """Remove all containers and networks that have these labels.

    Raises:
        BackendError: something of that cannot be removed.
    """
    _remove(engine, [f"{name}={value}" for name, value in labels.items()], lambda _: True)


def _reap(engine: Engine, *, with_kept: bool) -> tuple[str, ...]:
    """Remove containers and networks of processes of this machine that have ended; name what that was."""
    removed: tuple[str, ...] = ()
    for _ in range(_ROUNDS_MAX):
        found = _remove(engine, [OWNER], lambda labels: is_left_over(labels, with_kept=with_kept))
        removed += found
        # What the engine was making for somebody who was killed just now comes late.
        if not found:
            break
    return removed


def _remove(
    engine: Engine, labels: list[str], is_wanted: Callable[[Mapping[str, str]], bool]
) -> tuple[str, ...]:
    """Remove what has these labels, or labels with these values, as far as it is wanted."""
    removed: list[str] = []
    with engine.refusing("containers cannot be listed"):
        containers = engine.api.containers(all=True, filters={"label": labels})
        networks = engine.api.networks(filters={"label": labels})
    for container in containers:
        if is_wanted(container["Labels"]):
            engine.remove_container(container["Id"])
            removed.append(f"container {container['Names'][0].lstrip('/')}")
    for network in networks:
        if is_wanted(network["Labels"]):
            engine.remove_network(network["Id"])
            removed.append(f"network {network['Name']}")
    return tuple(removed)
