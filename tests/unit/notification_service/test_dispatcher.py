"""Delaying the effects' threads, and ending them."""

import itertools
import threading
import time

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from notification_service.application.ports import StopCheck, WorkDone
from notification_service.dispatcher import Dispatcher
from notification_service.domain.delivery import Effect
from servicekit.lifecycle import StopSignal
from tests.support.waiting import wait_until


class Stuck:
    """Ignores the stop until it is released."""

    def __init__(self) -> None:
        self.begun, self.released = threading.Event(), threading.Event()

    def __call__(self, stop: StopCheck) -> WorkDone:
        self.begun.set()
        self.released.wait(30)
        return WorkDone(0)


class DatabaseAway:
    """Finds no database three times, and keeps when it was called."""

    def __init__(self) -> None:
        self.called_at: list[float] = []
        self.done = threading.Event()

    def __call__(self, stop: StopCheck) -> WorkDone:
        self.called_at.append(time.monotonic())
        if len(self.called_at) <= 3:
            raise PoolTimeoutError
        self.done.set()
        return WorkDone(0)


class Broken:
    """Meets a bug, once with the next row, or always."""

    def __init__(self, error: BaseException, *, times: int = 1) -> None:
        self._error = error
        self._times = times
        self.done = threading.Event()

    def __call__(self, stop: StopCheck) -> WorkDone:
        if self._times:
            self._times -= 1
            raise self._error
        self.done.set()
        return WorkDone(0)


def test_joining_all_threads_takes_no_longer_than_one_time_limit() -> None:
    stop, effects = StopSignal(), {effect.value: Stuck() for effect in Effect}
    dispatcher = Dispatcher(effects, stop)
    dispatcher.start()
    for work in effects.values():
        assert work.begun.wait(10)

    stop.set()
    started = time.monotonic()
    dispatcher.join(0.5)
    seconds = time.monotonic() - started

    for work in effects.values():
        work.released.set()
    assert 0.4 < seconds < 1.0


def test_time_that_passed_since_the_stop_counts_towards_the_limit() -> None:
    stop, work = StopSignal(), Stuck()
    dispatcher = Dispatcher({Effect.ALIMTALK: work}, stop)
    dispatcher.start()
    assert work.begun.wait(10)

    stop.set()
    stopped = time.monotonic()
    wait_until(lambda: time.monotonic() > stopped + 0.6, "the time to pass")
    started = time.monotonic()
    dispatcher.join(0.5)
    seconds = time.monotonic() - started

    work.released.set()
    assert seconds < 0.4


def test_a_bug_in_one_thread_is_counted_and_tried_again() -> None:
    stop, work, other = StopSignal(), Broken(KeyError("a bug")), Broken(KeyError(), times=0)
    dispatcher = Dispatcher({"BUGGY": work, "OTHER": other}, stop)
    dispatcher.start()

    assert other.done.wait(10)
    assert work.done.wait(10)
    assert not stop.is_set()
    assert REGISTRY.get_sample_value("effect_crashes_total", {"effect": "BUGGY"}) == 1
    stop.set()
    dispatcher.join(10)


def test_what_ends_a_thread_stops_all_and_is_raised() -> None:
    stop = StopSignal()
    dispatcher = Dispatcher({Effect.ALIMTALK: Broken(SystemExit(3))}, stop)
    dispatcher.start()

    assert stop.wait(10)
    with pytest.raises(SystemExit):
        dispatcher.join(10)


def test_unavailable_database_delays_an_effect_for_longer_each_time() -> None:
    stop, work = StopSignal(), DatabaseAway()
    dispatcher = Dispatcher({Effect.ALIMTALK: work}, stop)
    dispatcher.start()
    assert work.done.wait(10)

    stop.set()
    dispatcher.join(10)
    pauses = [later - earlier for earlier, later in itertools.pairwise(work.called_at[:4])]
    assert [pause >= least for pause, least in zip(pauses, (0.1, 0.2, 0.4), strict=True)] == [True] * 3
