from harness.backends.live.faults import Faults, Outage


def test_a_node_that_is_well_has_no_outage() -> None:
    faults = Faults()
    assert faults.outage("n1") is None
    assert faults.halted("n1") is None
    assert not faults.is_isolated("n1")
    assert not faults.are_apart("n1", "n2")


def test_what_process_and_network_suffer_ends_each_by_itself() -> None:
    faults = Faults()
    faults.isolate("n1", ())
    faults.halt("n1", Outage.PAUSED)
    assert faults.outage("n1") is Outage.PAUSED
    faults.go_on("n1")
    assert faults.outage("n1") is Outage.ISOLATED
    faults.halt("n1", Outage.KILLED)
    faults.heal("n1")
    assert faults.outage("n1") is Outage.KILLED
    faults.go_on("n1")
    assert faults.outage("n1") is None


def test_who_is_isolated_from_some_answers_the_others() -> None:
    faults = Faults()
    faults.isolate("n1", ["n2"])
    faults.isolate("n1", ["n3"])
    assert faults.outage("n1") is None
    assert faults.is_isolated("n1")
    assert faults.are_apart("n1", "n2")
    assert faults.are_apart("n3", "n1")
    assert not faults.are_apart("n1", "n4")
    assert not faults.are_apart("n2", "n3")


def test_from_all_is_more_than_from_some() -> None:
    faults = Faults()
    for peers in (["n2"], [], ["n2"]):
        faults.isolate("n1", peers)
    assert faults.outage("n1") is Outage.ISOLATED
    assert faults.are_apart("n9", "n1")


def test_who_is_healed_stays_apart_from_those_who_asked_for_it_themselves() -> None:
    faults = Faults()
    faults.isolate("n1", ["n2"])
    faults.isolate("n2", ["n1"])
    faults.heal("n1")
    assert faults.are_apart("n1", "n2")
    faults.heal("n2")
    assert not faults.are_apart("n1", "n2")
