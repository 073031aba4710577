"""Reading a request, at once or when it is decided."""

import threading
import time
from dataclasses import dataclass
from uuid import UUID

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.coupon_request import CouponRequestView, RequestStatus
from coupon_service.domain.errors import CouponRequestNotFound
from coupon_service.domain.line import FAR_PLACE, seconds_until_next_look
from servicekit.lifecycle import StopSignal

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.25
LAST_PLACE = 1_000
"""A poll counts no further, because that costs too much. A watched request gets any place."""


@dataclass(frozen=True, slots=True)
class CouponRequestStanding:
    """A request. While it is undecided: its place, if that is known and near, and when to ask again."""

    view: CouponRequestView
    place: int | None = None
    next_poll_seconds: float | None = None


class ReadCouponRequest:
    """Looks a request up, and waits for its decision if asked to.

    Each look is a short transaction: a caller that waits holds no connection. At most ``max_waiting`` callers
    wait at a time, so that they can't take every thread from users that request coupons; one more gets the
    present state at once. ``stop`` ends all waiting.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, stop: StopSignal, max_waiting: int) -> None:
        self._unit_of_work = unit_of_work
        self._stop = stop
        self._permits = threading.BoundedSemaphore(max_waiting)

    def __call__(self, request_id: UUID, wait_seconds: float) -> CouponRequestStanding:
        """The request; still ACCEPTED if not decided in time. Raises :class:`CouponRequestNotFound`."""
        view = self._read(request_id)
        # Never blocks: waiting for a permit would take the thread that the limit keeps free.
        if (
            view.status is RequestStatus.ACCEPTED
            and wait_seconds > 0
            and self._permits.acquire(blocking=False)
        ):
            try:
                view = self._wait(view, wait_seconds)
            finally:
                self._permits.release()
        return self._standing(view)

    def _standing(self, view: CouponRequestView) -> CouponRequestStanding:
        if view.status is not RequestStatus.ACCEPTED:
            return CouponRequestStanding(view)
        with self._unit_of_work() as unit_of_work:
            place = unit_of_work.lines.place(view.request.request_id, LAST_PLACE + 1)
        if place is not None and place > LAST_PLACE:
            return CouponRequestStanding(view, None, seconds_until_next_look(FAR_PLACE))
        return CouponRequestStanding(view, place, seconds_until_next_look(place))

    def _wait(self, view: CouponRequestView, wait_seconds: float) -> CouponRequestView:
        deadline = time.monotonic() + wait_seconds
        pause_seconds = FIRST_PAUSE_SECONDS
        # Polling, not LISTEN: each listener would hold a connection as long as it waits.
        while view.status is RequestStatus.ACCEPTED:
            left_seconds = deadline - time.monotonic()
            if left_seconds <= 0 or self._stop.wait(min(pause_seconds, left_seconds)):
                break
            view = self._read(view.request.request_id)
            pause_seconds = min(pause_seconds * 1.5, LONGEST_PAUSE_SECONDS)
        return view

    def _read(self, request_id: UUID) -> CouponRequestView:
        with self._unit_of_work() as unit_of_work:
            view = unit_of_work.coupon_requests.get(request_id)
        if view is None:
            raise CouponRequestNotFound
        return view
