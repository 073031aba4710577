"""Calls that arrive while another one runs are run together: group commit, without the commit."""

import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class BatchAbandoned(Exception):
    """The thread that ran this batch ended in the middle of it. What it did is unknown: send it again."""


class _Call(Generic[ItemT, ResultT]):
    """One caller's item, and what became of it once ``is_done``; or nothing, and the caller leads."""

    __slots__ = ("error", "is_done", "item", "results", "runs_alone", "turn")

    def __init__(self, item: ItemT) -> None:
        self.item = item
        self.is_done = False
        self.runs_alone = False
        self.results: list[ResultT] = []
        self.error: Exception | None = None
        # Released once, by another thread: what threading.Event does costs ten times as much.
        self.turn = threading.Lock()
        self.turn.acquire()


class Batches(Generic[ItemT, ResultT]):
    """Runs the items of concurrent callers as sets, one set at a time, in the order of their arrival.

    There is no thread of its own, and nobody waits for company: a caller that finds nothing running runs its
    item at once. What arrives meanwhile is the next set, which one of its callers runs for all. As many items
    wait as there are threads that call, less one.
    """

    def __init__(
        self,
        run: Callable[[Sequence[ItemT]], Sequence[ResultT | Exception]],
        concerns_one: Callable[[Exception], bool] = lambda error: False,
    ) -> None:
        """``run`` returns what became of each item, in their order; an exception is raised in its caller.

        An exception that ``run`` raises is every caller's of that set. Where ``concerns_one`` says that one
        item may have caused it, and that nothing was done, each caller runs its item again, alone.
        """
        self._run = run
        self._concerns_one = concerns_one
        self._lock = threading.Lock()
        self._waiting: list[_Call[ItemT, ResultT]] = []
        self._is_running = False

    def __call__(self, item: ItemT) -> ResultT:
        """What became of ``item``. Raises what ``run`` raises or returns for it, and BatchAbandoned."""
        call: _Call[ItemT, ResultT] = _Call(item)
        with self._lock:
            self._waiting.append(call)
            leads = not self._is_running
            self._is_running = True
        if not leads:
            call.turn.acquire()
        if not call.is_done:
            self._lead(call)
        if call.runs_alone:
            _deliver([call], self._run([item]))
        if call.error is not None:
            raise call.error
        [result] = call.results
        return result

    def _lead(self, own: _Call[ItemT, ResultT]) -> None:
        with self._lock:
            batch, self._waiting = self._waiting, []
        try:
            _deliver(batch, self._run([call.item for call in batch]))
        except Exception as error:  # noqa: BLE001 - raised again, by each caller
            runs_alone = len(batch) > 1 and self._concerns_one(error)
            for call in batch:
                call.runs_alone = runs_alone
                call.error = None if runs_alone else error
        except BaseException:
            for call in batch:
                call.error = BatchAbandoned(BatchAbandoned.__doc__)
            raise
        finally:
            self._hand_over()
            for call in batch:
                call.is_done = True
                if call is not own:
                    call.turn.release()

    def _hand_over(self) -> None:
        with self._lock:
            self._is_running = bool(self._waiting)
            # It stays among those that wait: it takes itself with them.
            successor = self._waiting[0] if self._waiting else None
        if successor is not None:
            successor.turn.release()


def _deliver(batch: Sequence[_Call[ItemT, ResultT]], outcomes: Sequence[ResultT | Exception]) -> None:
    for call, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, Exception):
            call.error = outcome
        else:
            call.results.append(outcome)


class SetSpoiled(Exception):
    """One item of a set may have made all of it fail. Nothing was done: run each item alone."""


class BatchThread(Generic[ItemT, ResultT]):
    """:class:`Batches` for callers that must not wait: a thread of its own runs the sets.

    What arrives while a set runs is the next one, of MAX_SET items at most. The caller limits how many wait.
    Where many items cost hardly more than one, ``pause_seconds`` between sets makes them larger.
    """

    MAX_SET = 256

    def __init__(
        self,
        run: Callable[[Sequence[ItemT]], Sequence[ResultT | Exception]],
        concerns_one: Callable[[Exception], bool] = lambda error: False,
        pause_seconds: float = 0.0,
    ) -> None:
        """As for :class:`Batches`; where ``concerns_one`` is true of a set, each outcome is SetSpoiled."""
        self._run = run
        self._concerns_one = concerns_one
        self._pause_seconds = pause_seconds
        self._waiting: SimpleQueue[tuple[ItemT, Callable[[ResultT | Exception], None]]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def __call__(self, item: ItemT, deliver: Callable[[ResultT | Exception], None]) -> None:
        """Have ``item`` run. ``deliver`` is called once, by another thread, and must not raise.

        Raises RuntimeError where there can be no such thread; the item is then forgotten.
        """
        # With the first item, after any fork. One thread calls this: see Front.
        if self._thread is None:
            thread = threading.Thread(target=self._run_sets, name="batches", daemon=True)
            # Raises where the system has no thread to give. Then nothing waits for one, and the next may try.
            thread.start()
            self._thread = thread
        self._waiting.put((item, deliver))

    def _run_sets(self) -> None:
        while True:
            batch = [self._waiting.get()]
            while len(batch) < self.MAX_SET and not self._waiting.empty():
                batch.append(self._waiting.get())
            for (_, deliver), outcome in zip(batch, self._outcomes([item for item, _ in batch]), strict=True):
                deliver(outcome)
            if self._pause_seconds:
                time.sleep(self._pause_seconds)

    def _outcomes(self, items: Sequence[ItemT]) -> Sequence[ResultT | Exception]:
        try:
            return [outcome for _, outcome in zip(items, self._run(items), strict=True)]
        except Exception as error:  # noqa: BLE001 - delivered to each
            is_spoiled = len(items) > 1 and self._concerns_one(error)
            return [SetSpoiled(SetSpoiled.__doc__) if is_spoiled else error] * len(items)
        except BaseException:  # noqa: BLE001 - nothing else would run the next set
            return [BatchAbandoned(BatchAbandoned.__doc__)] * len(items)
