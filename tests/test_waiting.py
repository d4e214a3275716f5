import time

from harness.waiting import wait_until


def test_the_answer_that_counts_as_true_is_returned() -> None:
    answers = iter(("", "", "ready"))
    assert wait_until(lambda: next(answers), timeout_s=5) == "ready"


def test_the_condition_is_asked_even_without_time() -> None:
    assert wait_until(lambda: "ready", timeout_s=0) == "ready"


def test_after_the_timeout_the_last_answer_is_returned() -> None:
    started_s = time.monotonic()
    assert wait_until(lambda: None, timeout_s=0.03) is None
    assert 0.03 <= time.monotonic() - started_s < 1


def test_an_error_of_the_condition_ends_the_wait() -> None:
    def fail() -> bool:
        raise LookupError

    try:
        wait_until(fail, timeout_s=5)
    except LookupError:
        return
    raise AssertionError
