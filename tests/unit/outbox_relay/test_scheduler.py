"""Jobs and their threads."""

import threading
import time
from dataclasses import dataclass

import pytest

from outbox_relay.running.scheduler import Scheduler

TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Pause:
    """What a repeated job of these tests returns."""

    pause_seconds: float


@pytest.mark.parametrize("shift_seconds", [0.0, 10.0])
def test_repeated_job_runs_again_after_the_pause_it_asked_for(shift_seconds: float) -> None:
    runs = threading.Semaphore(0)
    scheduler = Scheduler(shift_seconds)

    def repeated() -> Pause:
        runs.release()
        return Pause(0.0)

    scheduler.repeat("repeated", repeated)
    scheduler.start()
    try:
        for _ in range(50):
            assert runs.acquire(timeout=TIMEOUT_SECONDS)
    finally:
        scheduler.stop()


def test_job_that_hangs_delays_no_other_job() -> None:
    hang, runs = threading.Event(), threading.Semaphore(0)
    scheduler = Scheduler()

    def hanging() -> Pause:
        hang.wait(TIMEOUT_SECONDS)
        return Pause(0.0)

    def hanging_beat() -> None:
        hang.wait(TIMEOUT_SECONDS)

    scheduler.repeat("hanging", hanging)
    scheduler.every(0.05, "hanging beat", hanging_beat)
    scheduler.every(0.05, "beat", runs.release)
    scheduler.start()
    try:
        for _ in range(5):
            assert runs.acquire(timeout=TIMEOUT_SECONDS)
    finally:
        hang.set()
        scheduler.stop()


def test_stopping_waits_for_the_run_under_way_and_starts_no_other() -> None:
    begun = threading.Event()
    finished: list[None] = []
    scheduler = Scheduler()

    def repeated() -> Pause:
        begun.set()
        time.sleep(0.2)
        finished.append(None)
        return Pause(0.0)

    scheduler.repeat("repeated", repeated)
    scheduler.start()
    assert begun.wait(TIMEOUT_SECONDS)
    scheduler.stop()

    count = len(finished)
    assert count >= 1
    begun.clear()
    assert not begun.wait(0.5)
    assert len(finished) == count


def test_job_that_raises_is_run_again() -> None:
    runs = threading.Semaphore(0)
    scheduler = Scheduler()

    def failing() -> None:
        runs.release()
        raise ZeroDivisionError

    scheduler.every(0.05, "failing", failing)
    scheduler.start()
    try:
        for _ in range(3):
            assert runs.acquire(timeout=TIMEOUT_SECONDS)
    finally:
        scheduler.stop()


def test_stopping_ends_a_pause_at_once() -> None:
    runs = threading.Semaphore(0)
    scheduler = Scheduler(shift_seconds=120)

    def repeated() -> Pause:
        runs.release()
        return Pause(60.0)

    scheduler.repeat("repeated", repeated)
    scheduler.start()
    assert runs.acquire(timeout=TIMEOUT_SECONDS)
    begun = time.monotonic()
    scheduler.stop()

    assert time.monotonic() - begun < TIMEOUT_SECONDS
