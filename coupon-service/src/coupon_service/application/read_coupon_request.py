"""Reading a request, at once or when it is decided."""

import threading
import time
from uuid import UUID

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.coupon_request import CouponRequestView, RequestStatus
from coupon_service.domain.errors import CouponRequestNotFound
from servicekit.lifecycle import StopSignal

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.25


class ReadCouponRequest:
    """Looks a request up, and waits for its decision if asked to.

    Each look is a short transaction: a caller that waits holds no connection. At most ``max_waiting`` callers
    wait at a time, so that they can't take every thread from users that request coupons; one more gets the
    present state at once. ``stop`` ends all waiting.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, stop: StopSignal, max_waiting: int) -> None:
        self._unit_of_work = unit_of_work
        self._stop = stop
        self._places = threading.BoundedSemaphore(max_waiting)

    def __call__(self, request_id: UUID, wait_seconds: float) -> CouponRequestView:
        """The request; still ACCEPTED if not decided in time. Raises :class:`CouponRequestNotFound`."""
        view = self._read(request_id)
        if view.status is not RequestStatus.ACCEPTED or wait_seconds <= 0:
            return view
        # Never blocks: waiting for a place would take the thread that the limit keeps free.
        if not self._places.acquire(blocking=False):
            return view
        try:
            return self._wait(view, wait_seconds)
        finally:
            self._places.release()

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
