"""Ending the effects' threads."""

import threading
import time

import pytest

from notification_service.application.effect_work import StopCheck, WorkDone
from notification_service.dispatcher import Dispatcher
from notification_service.domain.delivery import Effect
from servicekit.lifecycle import StopSignal
from tests.support.waiting import wait_until


class Stuck:
    """Hears no stop until it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()

    def run_once(self, stop: StopCheck) -> WorkDone:
        self.begun.set()
        self.let_go.wait(30)
        return WorkDone(0)


class Broken:
    def run_once(self, stop: StopCheck) -> WorkDone:
        raise KeyError("a bug")


def test_all_threads_together_are_waited_for_no_longer_than_one() -> None:
    stop, works = StopSignal(), {effect: Stuck() for effect in Effect}
    dispatcher = Dispatcher(works, stop)
    dispatcher.start()
    for work in works.values():
        assert work.begun.wait(10)

    stop.set()
    started = time.monotonic()
    dispatcher.join(0.5)
    seconds = time.monotonic() - started

    for work in works.values():
        work.let_go.set()
    assert 0.4 < seconds < 1.0


def test_time_that_passed_since_the_stop_counts() -> None:
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

    work.let_go.set()
    assert seconds < 0.4


def test_what_ended_a_thread_stops_all_and_is_raised() -> None:
    stop = StopSignal()
    dispatcher = Dispatcher({Effect.ALIMTALK: Broken()}, stop)
    dispatcher.start()

    assert stop.wait(10)
    with pytest.raises(KeyError, match="a bug"):
        dispatcher.join(10)
