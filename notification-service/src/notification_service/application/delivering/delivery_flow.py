"""The deliveries that a process holds: those that wait for their slot, and those that are being attempted."""

import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from queue import Empty, SimpleQueue

from notification_service.application.attempt_delivery import Ended
from notification_service.application.delivering.turns import Together, Turn, WaitingTurns
from notification_service.application.ports import MaySend
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.provider_call import is_in_doubt_after
from servicekit.lease_clock import lease_clock_seconds

# A stop is noticed so soon.
_LONGEST_WAIT_SECONDS = 0.2
# Attempts that end together are taken together: the caller wakes once for them, and not for each.
_GATHERING_SECONDS = 0.01
# What is looked up before it is sent begins so much before its time.
_LOOK_UP_SECONDS = 0.1


class DeliveryFlow:
    """Attempts each turn in a thread of the pool, once its time has come.

    The threads take the turns in their order and wait for the time themselves: the caller, who may be busy
    with a transaction, makes none of them late. A thread goes on with the next turn by itself. What has to be
    looked up first is, a little earlier: ``may_send`` waits for the time.

    Turns that may go together do, when the slot of the last one has come: none of them goes before its own.
    After a call that failed they go singly until one is answered: each call to a provider that hangs binds
    what it has to that provider, and another one may not send it.
    """

    def __init__(
        self,
        pool: Executor,
        attempt: Callable[[ClaimedDelivery, MaySend], Ended],
        most_threads: float = math.inf,
        together: Together | None = None,
    ) -> None:
        """``most_threads``: as many as the pool has, for more would only wait there.

        Without ``together``, each delivery is attempted alone.
        """
        self._pool = pool
        self._attempt = attempt
        self._together = together
        self._most_threads = most_threads
        self._threads = 0
        self._lock = threading.Lock()
        self._held = 0
        self._is_in_doubt = False
        """By the calls that have ended here."""
        self._goes_singly = False
        """By those of all processes."""
        self._is_released = threading.Event()
        self._waiting = WaitingTurns(together.most if together else 1)
        self._done: SimpleQueue[Sequence[Ended | Turn] | BaseException] = SimpleQueue()
        self._late: list[Turn] = []
        self._error: BaseException | None = None

    def __len__(self) -> int:
        return self._held

    def add(self, turns: Iterable[Turn], *, singly: bool | None = None) -> None:
        """``singly`` says how all turns go from now on, until it is said again; None changes nothing."""
        added = list(turns)
        if self._together is not None:
            for turn in added:
                turn.place = self._together.place_of(turn.delivery)
        with self._lock:
            self._waiting.add(added)
            if singly is not None:
                self._goes_singly = singly
            self._held += len(added)
            begins = self._takes_another_thread()
        if begins:
            self._pool.submit(self._take_turns)

    def release(self) -> None:
        """Give up the turns that have not sent anything yet: :meth:`proceed` returns them."""
        self._is_released.set()

    def take_late(self) -> Sequence[Turn]:
        """Remove the turns that a thread took after their latest time."""
        late, self._late = self._late, []
        self._held -= len(late)
        return late

    def proceed(self, until: float) -> Sequence[Ended]:
        """Wait for attempts to end, at most ``until`` and not for long; returns those that have.

        Raises what the attempts of an earlier call raised.
        """
        if self._error is not None:
            raise self._error
        seconds = min(_LONGEST_WAIT_SECONDS, max(0.0, until - lease_clock_seconds()))
        ended: list[Ended] = []
        with suppress(Empty):
            done = self._done.get(timeout=seconds)
            if self._held > 1:
                time.sleep(_GATHERING_SECONDS)
            while True:
                self._take(done, ended)
                done = self._done.get_nowait()
        return ended

    def _take(self, done: Sequence[Ended | Turn] | BaseException, ended: list[Ended]) -> None:
        if isinstance(done, BaseException):
            # Once those that have ended are returned.
            self._error = self._error or done
            return
        for one in done:
            if isinstance(one, Turn):
                self._late.append(one)
                continue
            self._held -= 1
            ended.append(one)

    def _take_turns(self) -> None:
        while turns := self._next_turns():
            try:
                self._run(turns)
            except BaseException as error:  # noqa: BLE001 - raised by the caller's thread
                self._done.put(error)

    def _next_turns(self) -> Sequence[Turn]:
        # A thread that adds a turn meanwhile must not count on a thread that has found none.
        with self._lock:
            if not self._waiting:
                self._threads -= 1
                return []
            singly = self._goes_singly or self._is_in_doubt
            turns = self._waiting.take(lease_clock_seconds(), singly=singly)
            begins = self._takes_another_thread()
        if begins:
            self._pool.submit(self._take_turns)
        return turns

    def _takes_another_thread(self) -> bool:
        # While turns wait: the threads that go on may be busy for long. One begins the next, so that there
        # are no more than calls.
        takes = len(self._waiting) > 0 and self._threads < self._most_threads
        self._threads += takes
        return takes

    def _run(self, turns: Sequence[Turn]) -> None:
        """Attempt those whose time has come, together if they are several; the others are given back."""
        # Nothing that goes together has to be looked up.
        early_seconds = _LOOK_UP_SECONDS if turns[0].delivery.may_have_been_sent else 0.0
        is_released = self._is_released_before(_last_slot(turns) - early_seconds)
        going, others = list[Turn](), list[Ended | Turn]()
        for turn in turns:
            # Another slot would be lost on a turn whose lease is spent.
            if is_released or not turn.may_send():
                others.append(turn.released())
            elif lease_clock_seconds() > turn.latest:
                others.append(turn)
            else:
                going.append(turn)
        if others:
            self._done.put(others)
        if going:
            ended = self._attempted(going)
            # Not by the caller: this thread takes the next turns sooner than the caller wakes.
            with self._lock:
                calls = [call for one in ended for call in one.calls]
                self._is_in_doubt = is_in_doubt_after(self._is_in_doubt, calls)
            self._done.put(ended)

    def _attempted(self, turns: Sequence[Turn]) -> Sequence[Ended]:
        def may_send() -> bool:
            is_released = self._is_released_before(_last_slot(turns))
            return not is_released and all(turn.may_send() for turn in turns)

        if len(turns) == 1 or self._together is None:
            return [self._attempt(turn.delivery, may_send) for turn in turns]
        return self._together.attempt([turn.delivery for turn in turns], may_send)

    def _is_released_before(self, at: float) -> bool:
        seconds = at - lease_clock_seconds()
        return self._is_released.wait(seconds) if seconds > 0 else self._is_released.is_set()


def _last_slot(turns: Sequence[Turn]) -> float:
    return max(turn.at for turn in turns)
