"""Concurrent calls run as sets: each caller gets its own outcome, and nobody waits for ever."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import servicekit.batches
from servicekit.batches import BatchAbandoned, Batches, BatchThread, SetSpoiled
from tests.support.waiting import wait_until


class Gated:
    """Doubles what it is given. Each set waits until :meth:`let_through`; sets are kept in ``ran``."""

    def __init__(self, outcome_of: Callable[[int], int | Exception] = lambda item: 2 * item) -> None:
        self.ran: list[list[int]] = []
        self.begun = 0
        self._outcome_of = outcome_of
        self._permits = threading.Semaphore(0)

    def __call__(self, items: Sequence[int]) -> list[int | Exception]:
        self.begun += 1
        assert self._permits.acquire(timeout=30)
        self.ran.append(list(items))
        return [self._outcome_of(item) for item in items]

    def let_through(self, sets: int = 1) -> None:
        self._permits.release(sets)


def waiting_calls(batches: Batches[int, int]) -> int:
    return len(batches._waiting)  # noqa: SLF001 - nothing else shows that a thread has got that far


def called(
    pool: ThreadPoolExecutor, gated: Gated, batches: Batches[int, int], items: Sequence[int]
) -> list[Future[int]]:
    """Calls under way: the first one runs, the others wait in their order."""
    futures = [pool.submit(batches, items[0])]
    wait_until(lambda: gated.begun == 1, "the first set to begin")
    for number, item in enumerate(items[1:], start=1):
        futures.append(pool.submit(batches, item))
        wait_until(lambda number=number: waiting_calls(batches) == number, f"call {number} to wait")  # type: ignore[misc]
    return futures


def test_a_lone_call_runs_at_once_in_its_own_thread() -> None:
    threads: list[int] = []

    def run(items: Sequence[int]) -> list[int]:
        threads.append(threading.get_ident())
        return list(items)

    assert [Batches(run)(item) for item in (1, 2)] == [1, 2]
    assert threads == [threading.get_ident()] * 2


def test_what_arrives_while_a_set_runs_is_the_next_set_in_its_order() -> None:
    gated = Gated()
    batches = Batches(gated)
    with ThreadPoolExecutor(5) as pool:
        futures = called(pool, gated, batches, [5, 4, 3, 2, 1])
        gated.let_through(2)
        assert [future.result(10) for future in futures] == [10, 8, 6, 4, 2]
    assert gated.ran == [[5], [4, 3, 2, 1]]


def test_an_error_of_one_item_is_raised_in_its_caller_alone() -> None:
    gated = Gated(lambda item: ValueError(str(item)) if item == 3 else item)
    with ThreadPoolExecutor(4) as pool:
        futures = called(pool, gated, Batches(gated), [1, 2, 3, 4])
        gated.let_through(2)
        errors = [future.exception(10) for future in futures]
    assert [type(error) for error in errors] == [type(None), type(None), ValueError, type(None)]


def test_an_error_of_the_set_is_raised_in_each_of_its_callers() -> None:
    def refuse(item: int) -> int:
        if item > 1:
            raise ConnectionError
        return item

    gated = Gated(refuse)
    with ThreadPoolExecutor(3) as pool:
        futures = called(pool, gated, Batches(gated), [1, 2, 3])
        gated.let_through(2)
        errors = [future.exception(10) for future in futures]
    assert [type(error) for error in errors] == [type(None), ConnectionError, ConnectionError]
    assert gated.ran == [[1], [2, 3]]


def test_an_item_that_spoils_its_set_fails_alone() -> None:
    def refuse(item: int) -> int:
        if item == 3:
            raise ValueError
        return item

    gated = Gated(refuse)
    batches = Batches(gated, concerns_one=lambda error: isinstance(error, ValueError))
    with ThreadPoolExecutor(4) as pool:
        futures = called(pool, gated, batches, [1, 2, 3, 4])
        gated.let_through(5)
        errors = [future.exception(10) for future in futures]
    assert [type(error) for error in errors] == [type(None), type(None), ValueError, type(None)]
    assert gated.ran[:2] == [[1], [2, 3, 4]]
    assert sorted(gated.ran[2:]) == [[2], [3], [4]]


def test_a_leader_that_dies_hands_over_and_fails_its_set() -> None:
    def die(item: int) -> int:
        if item == 2:
            raise SystemExit
        return item

    gated = Gated(die)
    batches = Batches(gated)
    with ThreadPoolExecutor(4) as pool:
        futures = called(pool, gated, batches, [1, 2, 3])
        gated.let_through()
        wait_until(lambda: gated.begun == 2, "the second set to begin")
        futures.append(pool.submit(batches, 4))
        wait_until(lambda: waiting_calls(batches) == 1, "a third set to wait")
        gated.let_through(2)
        errors = [future.exception(10) for future in futures]
    assert [type(error) for error in errors] == [type(None), SystemExit, BatchAbandoned, type(None)]


@pytest.mark.parametrize("wrong", [[], [1, 2]])
def test_a_run_that_returns_another_number_of_outcomes_fails(wrong: list[int]) -> None:
    def run(items: Sequence[int]) -> list[int]:
        return wrong

    with pytest.raises(ValueError, match="zip"):
        Batches(run)(1)


class Fates:
    """What becomes of items: some fail, some spoil their set, some kill the thread that runs them."""

    def __init__(self, failing: set[int], spoiling: set[int], deadly: set[int]) -> None:
        self.failing, self.spoiling, self.deadly = failing, spoiling, deadly
        # Taken by sets of several: an item that runs alone after its set failed may run beside one.
        self._running = threading.Lock()

    def run(self, items: Sequence[int]) -> list[int | Exception]:
        if len(items) == 1:
            return self._run_set(items)
        assert self._running.acquire(blocking=False)
        try:
            # Lets another thread in, if anything does.
            time.sleep(0)
            return self._run_set(items)
        finally:
            self._running.release()

    def _run_set(self, items: Sequence[int]) -> list[int | Exception]:
        if self.deadly & set(items):
            raise SystemExit
        if self.spoiling & set(items):
            raise ValueError(*items)
        return [KeyError(item) if item in self.failing else 2 * item for item in items]

    def expected(self, item: int) -> set[object]:
        if item in self.deadly:
            return {"dead"}
        # Another item of its set may be deadly.
        others = {"dead"} if self.deadly else set()
        if item in self.spoiling:
            return {(ValueError, (item,)), *others}
        return {(KeyError, (item,)) if item in self.failing else 2 * item, *others}


def outcome(batches: Batches[int, int], item: int) -> object:
    try:
        return batches(item)
    except (KeyError, ValueError) as error:
        return type(error), error.args
    except (SystemExit, BatchAbandoned):
        return "dead"


kinds = st.sets(st.integers(0, 99))
callers = st.lists(st.lists(st.integers(0, 99), max_size=12), min_size=1, max_size=8)


@settings(max_examples=40)
@given(callers, st.builds(Fates, kinds, kinds, kinds))
def test_every_call_has_the_outcome_of_its_own_item(items_of: list[list[int]], fates: Fates) -> None:
    """Threads that call as fast as they can, with items of every kind; none hangs, and none is mixed up."""
    batches = Batches(fates.run, concerns_one=lambda error: isinstance(error, ValueError))

    def call_all(items: Sequence[int]) -> None:
        for item in items:
            assert outcome(batches, item) in fates.expected(item)

    with ThreadPoolExecutor(len(items_of)) as pool:
        for future in [pool.submit(call_all, items) for items in items_of]:
            future.result(30)
    assert waiting_calls(batches) == 0


class Delivered:
    """What became of items, by item."""

    def __init__(self, thread: BatchThread[int, int]) -> None:
        self._thread = thread
        self.outcomes: dict[int, int | Exception] = {}
        self.order: list[int] = []

    def send(self, *items: int) -> None:
        for item in items:
            self._thread(item, lambda outcome, item=item: self._take(item, outcome))  # type: ignore[misc]

    def _take(self, item: int, outcome: int | Exception) -> None:
        self.outcomes[item] = outcome
        self.order.append(item)

    def wait_for(self, number: int) -> None:
        wait_until(lambda: len(self.order) == number, f"{number} outcomes")


def sent_behind(delivered: Delivered, gated: Gated, first: int, *others: int) -> None:
    """The others are one set, while the first one runs."""
    delivered.send(first)
    wait_until(lambda: gated.begun == 1, "the first set to begin")
    delivered.send(*others)


def test_a_thread_of_its_own_runs_what_arrived_meanwhile_as_one_set() -> None:
    gated = Gated()
    delivered = Delivered(BatchThread(gated))
    sent_behind(delivered, gated, 9, 3, 1, 2)
    gated.let_through(2)
    delivered.wait_for(4)
    assert gated.ran == [[9], [3, 1, 2]]
    assert (delivered.order, delivered.outcomes) == ([9, 3, 1, 2], {9: 18, 3: 6, 1: 2, 2: 4})


def test_an_item_that_no_thread_can_run_is_refused_and_the_next_is_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delivered = Delivered(BatchThread(lambda items: items))

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start"):
            delivered.send(1)
    delivered.send(2)
    delivered.wait_for(1)
    assert delivered.outcomes == {2: 2}


def test_a_set_of_that_thread_is_limited() -> None:
    gated = Gated()
    thread = BatchThread(gated)
    delivered = Delivered(thread)
    sent_behind(delivered, gated, 0, *range(1, 1 + thread.MAX_SET + 5))
    gated.let_through(3)
    delivered.wait_for(thread.MAX_SET + 6)
    assert [len(items) for items in gated.ran] == [1, thread.MAX_SET, 5]


def test_an_item_that_spoils_a_set_of_that_thread_is_told_apart_alone() -> None:
    def refuse(item: int) -> int:
        if item == 3:
            raise ValueError
        return item

    gated = Gated(refuse)
    delivered = Delivered(BatchThread(gated, concerns_one=lambda error: isinstance(error, ValueError)))
    sent_behind(delivered, gated, 1, 2, 3, 4)
    gated.let_through(2)
    delivered.wait_for(4)
    delivered.send(3)
    gated.let_through()
    delivered.wait_for(5)
    assert delivered.outcomes[1] == 1
    assert [type(delivered.outcomes[item]) for item in (2, 4, 3)] == [SetSpoiled, SetSpoiled, ValueError]


@pytest.mark.parametrize(
    ("raised", "delivered_as"),
    [(ConnectionError, ConnectionError), (SystemExit, BatchAbandoned), (KeyboardInterrupt, BatchAbandoned)],
)
def test_that_thread_outlives_whatever_a_set_raises(
    raised: type[BaseException], delivered_as: type[Exception]
) -> None:
    def refuse(item: int) -> int:
        if item > 1:
            raise raised
        return item

    gated = Gated(refuse)
    delivered = Delivered(BatchThread(gated))
    sent_behind(delivered, gated, 1, 2, 3)
    gated.let_through(2)
    delivered.wait_for(3)
    delivered.send(0)
    gated.let_through()
    delivered.wait_for(4)
    assert [type(delivered.outcomes[item]) for item in (2, 3)] == [delivered_as] * 2
    assert delivered.outcomes[0] == 0


def test_what_arrives_in_the_pause_between_sets_is_one_set(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    is_over = threading.Event()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        assert is_over.wait(30)

    monkeypatch.setattr(servicekit.batches, "time", SimpleNamespace(sleep=pause))
    sets: list[list[int]] = []

    def run(items: Sequence[int]) -> Sequence[int]:
        sets.append(list(items))
        return items

    delivered = Delivered(BatchThread(run, pause_seconds=0.02))
    delivered.send(1)
    wait_until(lambda: pauses == [0.02], "the pause after the first set")
    delivered.send(2, 3)
    assert sets == [[1]]
    is_over.set()
    delivered.wait_for(3)
    assert sets == [[1], [2, 3]]
