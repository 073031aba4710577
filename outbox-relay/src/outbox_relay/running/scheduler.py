"""Runs jobs in threads; the only module that knows APScheduler."""

import itertools
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

_SHIFT_SECONDS = 10.0
_DELAY_AFTER_BUG_SECONDS = 5.0
_CLOCK_SECONDS = 0.5
_SEPARATOR = "#"

_log = structlog.get_logger(__name__)


class Paced(Protocol):
    """What a repeated job returns."""

    @property
    def pause_seconds(self) -> float:
        """How long to wait before the next run."""
        ...


class _Pool(ThreadPoolExecutor):  # type: ignore[misc]  # APScheduler has no type information
    def join(self) -> None:
        """Wait until what runs has ended; nothing new can begin after the scheduler's shutdown."""
        self._pool.shutdown(wait=True)


class Scheduler:
    """Runs jobs in threads, no job twice at a time, and none waiting for another's thread.

    Jobs are added before :meth:`start`; each gets a thread of the pool, so one that hangs delays no other.
    """

    def __init__(self, shift_seconds: float = _SHIFT_SECONDS) -> None:
        """A repeated job keeps its thread for ``shift_seconds``: its pauses are too short for APScheduler."""
        self._shift_seconds = shift_seconds
        self._repeated: dict[str, Callable[[], Paced]] = {}
        self._periodic: list[tuple[str, Callable[[], object], float]] = []
        self._runs = itertools.count()
        self._pool: _Pool | None = None
        self._scheduler: BackgroundScheduler | None = None
        self._stopping = threading.Event()

    def repeat(self, name: str, work: Callable[[], Paced]) -> None:
        """Run ``work`` again and again, each time after the pause that its latest run asked for."""
        self._repeated[name] = work

    def every(self, seconds: float, name: str, work: Callable[[], object]) -> None:
        """Run ``work`` at once and then every ``seconds``."""
        self._periodic.append((name, work, seconds))

    def start(self) -> None:
        # It logs every run of every job, and every beat that is skipped while a database hangs.
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
        self._pool = _Pool(len(self._repeated) + len(self._periodic))
        scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": self._pool},
            # A run that is late is still wanted: by default it would be dropped after one second.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        scheduler.add_listener(self._on_job_ended, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
        self._scheduler = scheduler
        for name, work, seconds in self._periodic:
            scheduler.add_job(
                work, IntervalTrigger(seconds=seconds), id=name, next_run_time=datetime.now(UTC)
            )
        for name in self._repeated:
            self._arm(name, 0.0)
        scheduler.start()
        threading.Thread(target=self._follow_clock, name="clock", daemon=True).start()

    def stop(self) -> None:
        """Start no more runs, and wait for those under way."""
        self._stopping.set()
        if self._scheduler is not None and self._pool is not None:
            # A run that is being started must have been: its job can't be removed after the shutdown. Listing
            # the jobs waits for that.
            self._scheduler.pause()
            self._scheduler.get_jobs()
            # Waiting inside of shutdown() would hold a lock that a job needs to end.
            self._scheduler.shutdown(wait=False)
            self._pool.join()

    def _on_job_ended(self, event: JobExecutionEvent) -> None:
        # A repeated job is armed here and not by its own run: APScheduler refuses to run a job that hasn't
        # ended yet.
        if event.exception is not None:
            _log.error("job_failed", job=event.job_id, exc_info=event.exception)
        name = event.job_id.partition(_SEPARATOR)[0]
        if name in self._repeated and not self._stopping.is_set():
            self._arm(name, _DELAY_AFTER_BUG_SECONDS if event.exception else float(event.retval))

    def _work_a_shift(self, name: str) -> float:
        """Returns the pause that is left when the shift is over."""
        until = time.monotonic() + self._shift_seconds
        while not self._stopping.is_set():
            pause = self._repeated[name]().pause_seconds
            if time.monotonic() + pause >= until:
                return pause
            if pause > 0:
                self._stopping.wait(pause)
        return 0.0

    def _follow_clock(self) -> None:
        """APScheduler plans by the wall clock: put back an hour, it would do nothing for an hour."""
        ahead = time.time() - time.monotonic()
        while not self._stopping.wait(_CLOCK_SECONDS):
            before, ahead = ahead, time.time() - time.monotonic()
            if ahead < before - _CLOCK_SECONDS and self._scheduler is not None:
                _log.info("clock_put_back", seconds=round(before - ahead, 1))
                for job in self._scheduler.get_jobs():
                    # One that has begun since is armed by the new clock.
                    with suppress(JobLookupError):
                        job.modify(next_run_time=datetime.now(UTC))

    def _arm(self, name: str, delay_seconds: float) -> None:
        # With a new id each time: APScheduler removes a job that has no further run only after it has begun
        # that run, and would then remove its successor of the same id.
        run_at = datetime.now(UTC) + timedelta(seconds=delay_seconds)
        job_id = f"{name}{_SEPARATOR}{next(self._runs)}"
        if self._scheduler is not None:
            self._scheduler.add_job(self._work_a_shift, DateTrigger(run_at), args=[name], id=job_id)
