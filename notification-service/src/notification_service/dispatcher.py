"""The threads that work on deliveries: one for each kind of work, so that none waits for another."""

import threading
import time
from collections.abc import Mapping

import structlog

from notification_service.application.ports import DeliveryWork
from notification_service.metrics import count_crash
from servicekit.backoff import Backoff
from servicekit.db.disclosure import summary
from servicekit.db.errors import is_bug
from servicekit.lifecycle import StopSignal

POLL_SECONDS = 0.5
BACKOFF = Backoff(first_seconds=0.2, longest_seconds=5.0)
_AFTER_CRASH = Backoff(first_seconds=1.0, longest_seconds=60.0)

_log = structlog.get_logger(__name__)


class EffectThread(threading.Thread):
    """Does one kind of work until the stop: at once after :meth:`wake`, else every POLL_SECONDS.

    An unavailable or busy database delays the work, and so does any other error, for longer: the process goes
    on, since another one would meet the same row or reply, and all other work would wait for its start.
    """

    def __init__(self, name: str, work: DeliveryWork, stop: StopSignal) -> None:
        # A daemon: an attempt that ignores the stop must not keep the process alive.
        super().__init__(name=f"effect-{name.lower()}", daemon=True)
        self.failure: BaseException | None = None
        self._work_name = name
        self._work = work
        self._stop_signal = stop
        self._awake = threading.Event()
        self._failures = 0

    def wake(self) -> None:
        self._awake.set()

    def run(self) -> None:
        try:
            while not self._stop_signal.is_set():
                self._step()
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            _log.error("effect_ended", effect=self._work_name, exc_info=error)
            self.failure = error
            # The process ends: no thread is left that would try again.
            self._stop_signal.set()

    def _step(self) -> None:
        try:
            done = self._work(self._stop_signal)
        except Exception as error:  # noqa: BLE001 - counted and logged with its traceback
            self._failures += 1
            self._stop_signal.wait(self._pause_after(error).seconds(self._failures))
            return
        self._failures = 0
        if done.pause_seconds:
            self._stop_signal.wait(done.pause_seconds)
        elif not done.deliveries:
            self._awake.wait(POLL_SECONDS)
            # Cleared between waiting and working, so that a wake during the work isn't lost.
            self._awake.clear()

    def _pause_after(self, error: Exception) -> Backoff:
        if not is_bug(error):
            _log.warning("effect_postponed", effect=self._work_name, reason=summary(error))
            return BACKOFF
        _log.error("effect_crashed", effect=self._work_name, exc_info=error)
        # An alert says so: the effect must not stay dead while the others hide it.
        count_crash(self._work_name)
        return _AFTER_CRASH


class Dispatcher:
    """The threads of all work, which has the name that the log calls ``effect``."""

    def __init__(self, work_by_name: Mapping[str, DeliveryWork], stop: StopSignal) -> None:
        self._threads = [EffectThread(name, work, stop) for name, work in work_by_name.items()]
        self._stop_signal = stop
        self._stopped_at: float | None = None

    def start(self) -> None:
        threading.Thread(target=self._note_stop, name="stop-clock", daemon=True).start()
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Let every thread look for due deliveries now."""
        for thread in self._threads:
            thread.wake()

    def join(self, timeout_seconds: float) -> None:
        """Wait until all threads have ended, no longer than ``timeout_seconds`` since the stop.

        Raises the error that ended one of them, if there is one.
        """
        stopped_at = time.monotonic() if self._stopped_at is None else self._stopped_at
        for thread in self._threads:
            thread.wake()
        for thread in self._threads:
            thread.join(max(0.0, stopped_at + timeout_seconds - time.monotonic()))
        for thread in self._threads:
            if thread.failure is not None:
                raise thread.failure

    def _note_stop(self) -> None:
        # The threads notice the stop at once; the caller of join() may have to end other work first.
        self._stop_signal.wait()
        self._stopped_at = time.monotonic()
