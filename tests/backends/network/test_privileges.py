import errno

import pytest

from harness.backends.network import privileges
from harness.backends.network.privileges import refused


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What stands in /proc/sys."""
    settings: dict[str, str] = {}
    monkeypatch.setattr(privileges, "_setting", settings.get)
    return settings


def test_the_setting_that_forbids_is_named(settings: dict[str, str]) -> None:
    settings["kernel/apparmor_restrict_unprivileged_userns"] = "1"
    settings["kernel/unprivileged_userns_clone"] = "1"
    message = str(refused("a user namespace", errno.EPERM))
    assert "cannot make a user namespace (Operation not permitted)" in message
    assert "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" in message
    assert "unprivileged_userns_clone" not in message


def test_without_such_a_setting_a_container_is_suspected(settings: dict[str, str]) -> None:
    assert "--privileged" in str(refused("a network namespace", errno.EPERM))


def test_a_limit_that_is_reached_is_named(settings: dict[str, str]) -> None:
    assert "/proc/sys/user" in str(refused("a network namespace", errno.ENOSPC))


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS])
def test_a_kernel_without_namespaces_is_named(settings: dict[str, str], number: int) -> None:
    assert "another kernel" in str(refused("a user namespace", number))
