"""A service that hangs takes a share of the threads, and no more."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from servicekit.outbound.turns import PATIENCE_SECONDS, Turns

DEADLINE_SECONDS = 30


@pytest.fixture
def others() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


def has_turn(turns: Turns) -> bool:
    with turns.one() as is_mine:
        return is_mine


def test_each_has_a_turn_until_all_are_taken_and_calls_hang() -> None:
    seconds = 0.0
    turns = Turns(2, lambda: seconds)
    with turns.one() as first, turns.calling():
        seconds += PATIENCE_SECONDS
        assert (first, has_turn(turns)) == (True, True)
        with turns.one() as second:
            assert (second, has_turn(turns), has_turn(turns)) == (True, False, False)
        assert has_turn(turns)
    assert has_turn(turns)


def test_a_turn_is_waited_for_while_the_service_answers(others: ThreadPoolExecutor) -> None:
    turns = Turns(1, lambda: 0.0)
    with turns.one(), turns.calling():
        waiting = others.submit(has_turn, turns)
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
    assert waiting.result(DEADLINE_SECONDS)


def test_those_who_wait_get_none_once_a_call_hangs(others: ThreadPoolExecutor) -> None:
    turns = Turns(1)
    with turns.one(), turns.calling():
        waiting = others.submit(has_turn, turns)
        assert waiting.result(DEADLINE_SECONDS) is False


def test_one_slow_call_of_many_lets_the_others_have_turns(others: ThreadPoolExecutor) -> None:
    seconds = 0.0
    turns = Turns(3, lambda: seconds)
    slow_began, slow_ends = threading.Event(), threading.Event()

    def call_slowly() -> None:
        with turns.one(), turns.calling():
            slow_began.set()
            slow_ends.wait(DEADLINE_SECONDS)

    slow = others.submit(call_slowly)
    assert slow_began.wait(DEADLINE_SECONDS)
    with turns.one(), turns.one():
        # All are taken, and what is done with two of them doesn't hang.
        seconds += 2 * PATIENCE_SECONDS
        waiting = others.submit(has_turn, turns)
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
    assert waiting.result(DEADLINE_SECONDS)
    slow_ends.set()
    slow.result(DEADLINE_SECONDS)


def test_a_call_that_fails_gives_its_turn_back() -> None:
    turns = Turns(1, lambda: 0.0)
    for _ in range(2):
        with pytest.raises(KeyError), turns.one(), turns.calling():
            raise KeyError
    assert has_turn(turns)


def test_no_more_than_so_many_have_a_turn_at_once(others: ThreadPoolExecutor) -> None:
    turns, together = Turns(3), threading.Barrier(3, timeout=DEADLINE_SECONDS)
    at_work, most, lock = 0, 0, threading.Lock()

    def call() -> None:
        nonlocal at_work, most
        with ExitStack() as scope:
            assert scope.enter_context(turns.one())
            scope.enter_context(turns.calling())
            with lock:
                at_work += 1
                most = max(most, at_work)
            # Only all three together come further.
            together.wait()
            with lock:
                at_work -= 1

    for done in [others.submit(call) for _ in range(12)]:
        done.result(DEADLINE_SECONDS)
    assert most == 3
