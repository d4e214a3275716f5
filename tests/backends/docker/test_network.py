import secrets
from collections.abc import Iterator
from ipaddress import IPv4Network

import pytest

from harness.backends.docker import labels
from harness.backends.docker import network as module
from harness.backends.docker.engine import Engine
from harness.backends.docker.network import DockerNetwork, make_network
from harness.errors import BackendError

pytestmark = pytest.mark.docker
WRITTEN = {labels.OWNER: labels.owner()}


@pytest.fixture
def made(engine: Engine) -> Iterator[DockerNetwork]:
    network = make_network(engine, f"wire-test-{secrets.token_hex(4)}", labels=WRITTEN)
    yield network
    engine.remove_network(network.id)


def test_two_networks_have_subnets_of_their_own(engine: Engine, made: DockerNetwork) -> None:
    other = make_network(engine, f"wire-test-{secrets.token_hex(4)}", labels=WRITTEN)
    try:
        assert not made.subnet.overlaps(other.subnet)
        assert {made.subnet.prefixlen, other.subnet.prefixlen} == {24}
    finally:
        engine.remove_network(other.id)


def test_subnet_that_is_taken_is_refused_with_what_to_do(engine: Engine, made: DockerNetwork) -> None:
    with pytest.raises(BackendError) as caught:
        make_network(engine, "wire-test-taken", labels=WRITTEN, subnet=str(made.subnet))
    said = str(caught.value)
    assert f"no network with the subnet {made.subnet} can be made: the subnet is taken" in said
    assert "docker network ls shows by whom" in said


def test_where_all_subnets_are_taken_it_is_said(
    engine: Engine, made: DockerNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SUBNETS", made.subnet)
    with pytest.raises(BackendError, match=f"all subnets of {made.subnet} are in use"):
        make_network(engine, "wire-test-none", labels=WRITTEN)


def test_what_is_no_subnet_is_refused(engine: Engine) -> None:
    with pytest.raises(BackendError, match=r"--docker-subnet 10\.9\.8 is no subnet such as 10\.9\.8\.0/24"):
        make_network(engine, "wire-test-bad", labels=WRITTEN, subnet="10.9.8")


def test_small_subnet_has_room_for_few() -> None:
    network = DockerNetwork(id="", name="", subnet=IPv4Network("10.0.0.0/29"), gateway="10.0.0.1", bridge="")
    assert [network.address_of(index) for index in range(4)] == [
        f"10.0.0.{number}" for number in (3, 4, 5, 6)
    ]
    with pytest.raises(BackendError, match="has no room for another node"):
        network.address_of(4)
