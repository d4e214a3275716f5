import os
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from harness.backends.network.lease import Claims, Lease, claims_of, lease_paths
from harness.backends.network.process_identity import ProcessIdentity
from harness.errors import BackendError

SUBNET = IPv4Network("198.18.7.0/24")


def test_a_subnet_is_claimed_once(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path, SUBNET)
    assert lease is not None
    assert Lease.take(tmp_path, SUBNET) is None
    assert Lease.take_over(lease.path) is None
    lease.release()
    again = Lease.take(tmp_path, SUBNET)
    assert again is not None
    again.release()


def test_releasing_twice_gives_nothing_of_others_back(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path, SUBNET)
    assert lease is not None
    lease.release()
    other = Lease.take(tmp_path, SUBNET)
    assert other is not None
    lease.release()
    assert other.path.exists()
    other.release()


def test_a_lease_is_held_as_long_as_anybody_has_its_file_open(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path, SUBNET)
    assert lease is not None
    inherited = os.dup(lease.descriptor)
    os.close(lease.descriptor)
    assert Lease.take_over(lease.path) is None
    os.close(inherited)
    left_over = Lease.take_over(lease.path)
    assert left_over is not None
    assert left_over.subnet == SUBNET
    left_over.release()
    assert not lease.path.exists()


def test_the_file_says_what_was_claimed(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path, SUBNET)
    assert lease is not None
    keeper = ProcessIdentity(pid=3, started_ticks=14)
    lease.record(folder=Path("/nonexistent/x"), interface="harness18-7")
    lease.record(keepers=(keeper, None))
    lease.record(other_folder=Path("/nonexistent/root/x"))
    assert claims_of(lease.path) == Claims(
        owner=ProcessIdentity.of(os.getpid()),
        keepers=(keeper,),
        folder=Path("/nonexistent/x"),
        other_folder=Path("/nonexistent/root/x"),
        interface="harness18-7",
    )
    lease.release()


@pytest.mark.parametrize(
    "text", ["", "{", "[]\n", '{"owner": 3, "keepers": 7, "folder": [], "interface": {}}\n']
)
def test_a_file_that_says_nothing_claims_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "198.18.7.0-24.lease"
    path.write_text(text)
    assert claims_of(path) == Claims()
    assert claims_of(tmp_path / "missing") == Claims()


def test_what_was_written_before_a_broken_line_counts(tmp_path: Path) -> None:
    path = tmp_path / "198.18.7.0-24.lease"
    path.write_text('{"owner": [5, 6]}\n{"folder": "/a')
    assert claims_of(path).owner == ProcessIdentity(pid=5, started_ticks=6)


def test_names_of_bridges_are_short_enough_for_interfaces(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path, IPv4Network("198.255.255.0/24"))
    assert lease is not None
    assert lease.name == "harness255-255"
    assert len(lease.name) < 16
    lease.release()


def test_other_files_in_the_folder_are_no_leases(tmp_path: Path) -> None:
    for name in ("x.lease", "198.18.7.0-24.lease", "198.18.7.0-24.txt", "198.18.7.1-24.lease"):
        (tmp_path / name).write_text("")
    assert [path.name for path in lease_paths(tmp_path)] == ["198.18.7.0-24.lease"]


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="missing"):
        Lease.take(tmp_path / "missing", SUBNET)
    assert Lease.take_over(tmp_path / "missing" / "198.18.7.0-24.lease") is None
