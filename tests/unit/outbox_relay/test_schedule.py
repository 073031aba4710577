"""Jobs and their threads."""

import threading
import time

from outbox_relay.running.schedule import Schedule

TIMEOUT_SECONDS = 10


def test_step_runs_again_after_the_delay_that_it_asked_for() -> None:
    runs = threading.Semaphore(0)
    schedule = Schedule()

    def step() -> float:
        runs.release()
        return 0.0

    schedule.step("step", step)
    schedule.start()
    try:
        for _ in range(50):
            assert runs.acquire(timeout=TIMEOUT_SECONDS)
    finally:
        schedule.stop()


def test_job_that_hangs_delays_no_other_job() -> None:
    hang, runs = threading.Event(), threading.Semaphore(0)
    schedule = Schedule()

    def hanging() -> float:
        hang.wait(TIMEOUT_SECONDS)
        return 0.0

    def hanging_beat() -> None:
        hang.wait(TIMEOUT_SECONDS)

    schedule.step("hanging", hanging)
    schedule.every(0.05, "hanging beat", hanging_beat)
    schedule.every(0.05, "beat", runs.release)
    schedule.start()
    try:
        for _ in range(5):
            assert runs.acquire(timeout=TIMEOUT_SECONDS)
    finally:
        hang.set()
        schedule.stop()


def test_stopping_waits_for_the_step_under_way_and_starts_no_other() -> None:
    begun = threading.Event()
    finished: list[None] = []
    schedule = Schedule()

    def step() -> float:
        begun.set()
        time.sleep(0.2)
        finished.append(None)
        return 0.0

    schedule.step("step", step)
    schedule.start()
    assert begun.wait(TIMEOUT_SECONDS)
    schedule.stop()

    count = len(finished)
    assert count >= 1
    begun.clear()
    assert not begun.wait(0.5)
    assert len(finished) == count
