import signal
from threading import Thread

import pytest

from harness.interrupts import end_in_order, interrupts_wait


def done_until_interrupted(*, interrupts: int, depth: int = 1) -> list[int]:
    """What is done of three steps when so many of them end with an interrupt."""
    done: list[int] = []

    def do(depth: int) -> None:
        with interrupts_wait():
            if depth > 1:
                do(depth - 1)
                return
            for step in range(3):
                done.append(step)
                if step < interrupts:
                    signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        do(depth)
    return done


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_an_interrupt_comes_when_what_is_inside_is_over(depth: int) -> None:
    assert done_until_interrupted(interrupts=1, depth=depth) == [0, 1, 2]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_second_interrupt_comes_at_once(depth: int) -> None:
    assert done_until_interrupted(interrupts=2, depth=depth) == [0, 1]


def test_an_interrupt_is_not_lost_with_what_fails() -> None:
    def fail() -> None:
        with interrupts_wait():
            signal.raise_signal(signal.SIGINT)
            raise LookupError

    with pytest.raises(KeyboardInterrupt) as caught:
        fail()
    assert isinstance(caught.value.__context__, LookupError)


def test_interrupts_are_as_usual_afterwards() -> None:
    usual = signal.getsignal(signal.SIGINT)
    with interrupts_wait(), interrupts_wait():
        assert signal.getsignal(signal.SIGINT) is not usual
    assert signal.getsignal(signal.SIGINT) is usual


def test_those_who_ignore_interrupts_go_on_ignoring_them() -> None:
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts_wait():
            signal.raise_signal(signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, usual)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_would_end_the_process_interrupts(number: signal.Signals) -> None:
    usual = signal.signal(number, signal.SIG_DFL)
    try:
        undo = end_in_order()
        with pytest.raises(KeyboardInterrupt), interrupts_wait():
            signal.raise_signal(number)
        undo()
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, usual)


def test_who_ignores_the_end_of_a_terminal_goes_on_ignoring_it() -> None:
    usual = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        undo = end_in_order()
        signal.raise_signal(signal.SIGHUP)
        undo()
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, usual)


def test_other_threads_change_nothing() -> None:
    usual = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def wait() -> None:
        with interrupts_wait():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = Thread(target=wait)
    thread.start()
    thread.join()
    assert seen == [usual]
