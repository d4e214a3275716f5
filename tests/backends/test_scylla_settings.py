from collections.abc import Callable

import pytest

from harness.backends.contract import Needs
from harness.backends.scylla_settings import (
    Place,
    Release,
    count_of,
    image_options,
    kind_of,
    next_place,
    rackdc_text,
    runtime_options,
    settings_of,
    tablets_wanted,
    yaml_text,
)
from harness.errors import BackendError

OLD, MODERN, NEWER = Release.of("4.2.4-0.2021"), Release.of("2025.1.15-0.2026"), Release.of("2025.3.0-0.2026")


def places(needs: Needs, count: int) -> list[tuple[str, str, str]]:
    """Of a cluster that began with as many as are needed."""
    found: list[Place] = []
    for index in range(count):
        found.append(
            next_place(found, needs, address=f"10.0.0.{index}", count=count_of(needs), is_seed=index == 0)
        )
    return [(place.name, place.datacenter, place.rack) for place in found]


def settings(
    release: Release, needs: Needs, *, has_tablets: bool = False, cluster_name: str | None = "wire"
) -> dict[str, object]:
    place = Place(name="n2", address="10.0.0.2")
    return settings_of(
        place, release, needs, cluster_name=cluster_name, seeds=["10.0.0.1"], has_tablets=has_tablets
    )


def test_one_datacenter_is_called_as_scylla_calls_it() -> None:
    assert places(Needs(), 3) == [(f"n{number}", "datacenter1", "rack1") for number in (1, 2, 3)]


def test_datacenters_are_filled_one_after_the_other_and_a_newcomer_goes_where_there_are_fewest() -> None:
    assert places(Needs(nodes=3, datacenters=2), 4) == [
        ("n1", "dc1", "r1"),
        ("n2", "dc1", "r2"),
        ("n3", "dc2", "r1"),
        ("n4", "dc2", "r2"),
    ]


@pytest.mark.parametrize("needs", [Needs(nodes=0), Needs(nodes=1, datacenters=2)])
def test_cluster_that_cannot_be_is_refused(needs: Needs) -> None:
    with pytest.raises(BackendError):
        count_of(needs)


def test_who_does_not_care_shares_the_cluster_of_who_does() -> None:
    careless = Needs(nodes=3, lines=("4.2",))
    assert kind_of(careless, None) == kind_of(Needs(tablets=False, hints=True, shards=1), None)
    assert kind_of(careless, None) != kind_of(Needs(tablets=True), None)
    assert kind_of(careless, True) == kind_of(Needs(tablets=True), None)
    for other in (Needs(nodes=4), Needs(hints=False), Needs(shards=2), Needs(compression="all")):
        assert kind_of(other, None) != kind_of(careless, None)


def test_no_address_is_one_that_others_cannot_reach() -> None:
    told = settings(OLD, Needs())
    assert {name for name, value in told.items() if value == "10.0.0.2"} == {
        *("listen_address", "rpc_address", "broadcast_address", "broadcast_rpc_address", "api_address")
    }


def test_what_the_scenario_needs_is_set() -> None:
    told = settings(OLD, Needs(compression="all", hints=False, datacenters=2))
    assert told["internode_compression"] == "all"
    assert told["hinted_handoff_enabled"] is False
    assert told["endpoint_snitch"] == "GossipingPropertyFileSnitch"
    assert " ".join(runtime_options(Needs(shards=2), OLD)).startswith("--smp 2 --memory 1024M ")
    assert " ".join(runtime_options(Needs(), OLD)).startswith("--smp 1 --memory 750M ")


def test_scylla_takes_a_switch_where_its_image_takes_a_number() -> None:
    assert runtime_options(Needs(), OLD)[-3:] == ("--overprovisioned", "--developer-mode", "1")
    assert image_options(Needs(), OLD)[-4:] == ("--overprovisioned", "1", "--developer-mode", "1")


@pytest.mark.parametrize("options", [runtime_options, image_options])
def test_nodes_leave_places_for_network_io_to_others_where_they_can_be_told(
    options: Callable[[Needs, Release], tuple[str, ...]],
) -> None:
    limited = ("--max-networking-io-control-blocks", "1000")
    for version, is_known in (("4.2.4", False), ("4.5.1", False), ("4.6.1", True), ("2025.1.15", True)):
        assert (options(Needs(), Release.of(version))[4:6] == limited) is is_known
    # The entry point of 4.2's image refuses what it does not know.
    known = {"--smp", "--memory", "--overprovisioned", "--developer-mode"}
    assert {word for word in options(Needs(), OLD) if word.startswith("--")} == known


@pytest.mark.parametrize(
    ("release", "setting"),
    [
        (Release.of("6.2.3-0.2025"), {"enable_tablets": True}),
        (MODERN, {"enable_tablets": True, "experimental_features": ["views-with-tablets"]}),
        (
            NEWER,
            {
                "tablets_mode_for_new_keyspaces": "enabled",
                "experimental_features": ["views-with-tablets"],
            },
        ),
        (Release.of("2025.4.1-0.2026"), {"tablets_mode_for_new_keyspaces": "enabled"}),
    ],
)
def test_tablets_are_enabled_as_the_version_has_it(release: Release, setting: dict[str, object]) -> None:
    without, having = settings(release, Needs()), settings(release, Needs(), has_tablets=True)
    assert {name: value for name, value in having.items() if name not in without} == setting


@pytest.mark.parametrize(
    ("version", "setting"),
    [
        ("5.4.9-0.2024", {}),
        ("6.0.4-0.2024", {"enable_tablets": False}),
        ("2024.2.3-0.2024", {"enable_tablets": False}),
        ("6.2.3-0.2025", {}),
        ("2025.4.2-0.2026", {}),
        ("2026.1.3-0.2026", {"audit": "none", "maintenance_socket": "ignore"}),
    ],
)
def test_what_newer_versions_do_unasked_is_switched_off(version: str, setting: dict[str, object]) -> None:
    before, told = settings(OLD, Needs()), settings(Release.of(version), Needs())
    assert {name: value for name, value in told.items() if name not in before} == setting


def test_node_that_joins_those_of_somebody_else_agrees_with_them() -> None:
    """Who does not know a feature that all others have enabled may not join.

    Source: Scylla, gms/gossiper.cc, check_knows_remote_features.
    """
    release = Release.of("6.0.4-0.2024")
    alone, joining = settings(release, Needs()), settings(release, Needs(), cluster_name=None)
    assert {name for name in alone if name not in joining} == {"cluster_name", "enable_tablets"}
    assert {name: value for name, value in alone.items() if name in joining} == joining


def test_tablets_are_not_for_old_versions() -> None:
    assert not tablets_wanted(Needs(), None, MODERN)
    assert tablets_wanted(Needs(tablets=True), None, MODERN)
    assert not tablets_wanted(Needs(tablets=False), True, MODERN)
    with pytest.raises(BackendError, match=r"version 4\.2\.4-0\.2021 has no tablets"):
        tablets_wanted(Needs(), True, OLD)
    assert "has no tablets" in OLD.why_not(Needs(tablets=True), "the image is")
    assert OLD.why_not(Needs(lines=("4.2",)), "the image is") == ""


def test_later_layers_win() -> None:
    assert yaml_text({"a": 1, "b": 2}, {"b": 3}) == "a: 1\nb: 3\n"
    assert rackdc_text(Place(name="n1", address="", datacenter="east", rack="r7")).startswith(
        "dc=east\nrack=r7\n"
    )
