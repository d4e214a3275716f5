from harness.backends.simulation.gossip.status import (
    Status,
    StatusKind,
    boot,
    leaving,
    left,
    normal,
    tokens_of,
    tokens_text,
)

# Tokens and moments of topology/decommission.pcapng of 4.2.4.
TOKENS = (9011066401112667734, 7330056643717603346)


def test_a_status_names_the_first_token() -> None:
    assert boot(TOKENS) == "BOOT,9011066401112667734"
    assert normal(TOKENS) == "NORMAL,9011066401112667734"
    assert leaving(TOKENS) == "LEAVING,9011066401112667734"


def test_who_has_left_is_remembered_for_three_days() -> None:
    value = left(TOKENS, 1795337388_550_123)
    assert value == "LEFT,9011066401112667734,1795596588550"
    assert Status.of(value) == Status(StatusKind.LEFT, 1795596588550)
    assert Status.of(value).is_dead


def test_every_status_is_understood() -> None:
    kinds = [
        Status.of(value).kind for value in (None, "BOOT,1", "NORMAL,1", "shutdown,true", "hibernate,true")
    ]
    assert kinds == [
        StatusKind.NONE,
        StatusKind.BOOT,
        StatusKind.NORMAL,
        StatusKind.SHUTDOWN,
        StatusKind.OTHER,
    ]


def test_tokens_are_a_list_of_numbers() -> None:
    assert tokens_text(TOKENS) == "9011066401112667734;7330056643717603346"
    assert tokens_of("9011066401112667734;-7330056643717603346") == (TOKENS[0], -TOKENS[1])
    assert tokens_of("one;two") == tokens_of("") == tokens_of(None) == ()
