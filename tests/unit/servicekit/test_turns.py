"""A service that is slow, or hangs, takes a share of the threads, and no more."""

import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack

import pytest

from servicekit.outbound.turns import PATIENCE_SECONDS, Turns
from tests.support.waiting import wait_until

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
    turns = Turns(2, 1, lambda: seconds)
    with turns.one() as first, turns.calling():
        seconds += PATIENCE_SECONDS
        assert (first, has_turn(turns)) == (True, True)
        with turns.one() as second:
            assert (second, has_turn(turns), has_turn(turns)) == (True, False, False)
        assert has_turn(turns)
    assert has_turn(turns)


def test_a_turn_is_waited_for_while_the_service_answers(others: ThreadPoolExecutor) -> None:
    turns = Turns(1, 1, lambda: 0.0)
    with turns.one(), turns.calling():
        waiting = others.submit(has_turn, turns)
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
    assert waiting.result(DEADLINE_SECONDS)


def test_those_who_wait_get_none_once_a_call_hangs(others: ThreadPoolExecutor) -> None:
    turns = Turns(1, 1)
    with turns.one(), turns.calling():
        waiting = others.submit(has_turn, turns)
        assert waiting.result(DEADLINE_SECONDS) is False


def test_one_more_than_may_wait_gets_none_at_once(others: ThreadPoolExecutor) -> None:
    """The service is slow for ever: no call hangs, and nobody loses patience."""
    turns = Turns(1, 2, lambda: 0.0)
    with turns.one(), turns.calling():
        asking = [others.submit(has_turn, turns) for _ in range(3)]
        refused, waiting = wait(asking, DEADLINE_SECONDS, FIRST_COMPLETED)
        assert [each.result() for each in refused] == [False]
        assert has_turn(turns) is False
    assert [each.result(DEADLINE_SECONDS) for each in waiting] == [True, True]
    assert has_turn(turns)


def test_patience_ends_though_no_call_hangs(others: ThreadPoolExecutor) -> None:
    """What has the turn stands still in the database."""
    turns = Turns(1, 1)
    with turns.one():
        assert others.submit(has_turn, turns).result(DEADLINE_SECONDS) is False
        # Its place is free again.
        assert others.submit(has_turn, turns).result(DEADLINE_SECONDS) is False
    assert has_turn(turns)


def test_a_turn_goes_to_who_has_waited_for_longest(others: ThreadPoolExecutor) -> None:
    turns, order = Turns(1, 3, lambda: 0.0), list[int]()

    def call(number: int) -> bool:
        with turns.one() as is_mine:
            order.append(number)
        return is_mine

    with turns.one():
        waiting = []
        for number in range(3):
            waiting.append(others.submit(call, number))
            wait_until(lambda: turns.waiting == number + 1, "it to wait")  # noqa: B023
    assert [each.result(DEADLINE_SECONDS) for each in waiting] == [True] * 3
    assert order == [0, 1, 2]


def test_one_slow_call_of_many_lets_the_others_have_turns(others: ThreadPoolExecutor) -> None:
    seconds = 0.0
    turns = Turns(3, 1, lambda: seconds)
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
    turns = Turns(1)
    for _ in range(2):
        with pytest.raises(KeyError), turns.one(), turns.calling():
            raise KeyError
    assert has_turn(turns)


def test_no_more_than_so_many_have_a_turn_at_once(others: ThreadPoolExecutor) -> None:
    turns, together = Turns(3, 9, lambda: 0.0), threading.Barrier(3, timeout=DEADLINE_SECONDS)
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
