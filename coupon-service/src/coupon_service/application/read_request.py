"""Reading a request, at once or when it is decided."""

import threading
import time
from uuid import UUID

from coupon_service.application.ports import Database
from coupon_service.domain.errors import CouponRequestNotFound
from coupon_service.domain.request import CouponRequestView, RequestStatus
from servicekit.lifecycle import StopSignal

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.25


class ReadCouponRequest:
    """Reads a request, and waits for its decision if asked to.

    Every look is a short transaction: nobody who waits holds a connection. At most ``max_waiting`` callers
    wait at a time, so that they can't take every thread from those who ask for coupons; one more is told at
    once how things stand. A stop ends all waiting.
    """

    def __init__(self, database: Database, stop: StopSignal, max_waiting: int) -> None:
        self._database = database
        self._stop = stop
        self._places = threading.BoundedSemaphore(max_waiting)

    def handle(self, request_id: UUID, wait_seconds: float) -> CouponRequestView:
        """The request; still ACCEPTED if it was not decided in time. Raises CouponRequestNotFound."""
        view = self._read(request_id)
        if view.status is not RequestStatus.ACCEPTED or wait_seconds <= 0:
            return view
        if not self._places.acquire(blocking=False):
            return view
        try:
            return self._wait(view, wait_seconds)
        finally:
            self._places.release()

    def _wait(self, view: CouponRequestView, wait_seconds: float) -> CouponRequestView:
        deadline = time.monotonic() + wait_seconds
        pause_seconds = FIRST_PAUSE_SECONDS
        while view.status is RequestStatus.ACCEPTED:
            left_seconds = deadline - time.monotonic()
            if left_seconds <= 0 or self._stop.wait(min(pause_seconds, left_seconds)):
                break
            view = self._read(view.request.request_id)
            pause_seconds = min(pause_seconds * 1.5, LONGEST_PAUSE_SECONDS)
        return view

    def _read(self, request_id: UUID) -> CouponRequestView:
        with self._database.begin() as transaction:
            view = transaction.requests.get(request_id)
        if view is None:
            raise CouponRequestNotFound(request_id)
        return view
