"""The replication option of CREATE KEYSPACE."""

from harness.replication import Replication


def test_class_loses_its_package() -> None:
    replication = Replication.of(
        [("class", "org.apache.cassandra.locator.SimpleStrategy"), ("replication_factor", "3")]
    )
    assert replication == Replication(strategy="SimpleStrategy", factor=3)


def test_factor_of_a_datacenter_is_its_own_or_the_common_one() -> None:
    replication = Replication.of(
        [("class", "NetworkTopologyStrategy"), ("dc1", "2"), ("replication_factor", "3")]
    )
    assert (replication.factor_in("dc1"), replication.factor_in("dc2")) == (2, 3)


def test_datacenter_without_a_factor_gets_no_replicas() -> None:
    assert Replication.of([("class", "NetworkTopologyStrategy"), ("dc1", "2")]).factor_in("dc2") == 0


def test_what_is_no_number_is_left_out() -> None:
    assert Replication.of([("class", "X"), ("dc1", "['r1', 'r2']")]).factors == ()
