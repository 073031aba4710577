"""Reading a request, at once or when it is decided."""

import threading
import time
from collections.abc import Callable
from uuid import UUID

from coupon_service.domain.coupon_request import CouponRequestStanding
from servicekit.lifecycle import StopSignal

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.15


class ReadCouponRequest:
    """Looks a request up, and waits for its decision if asked to.

    Each look is a short transaction: a caller that waits holds no connection. At most ``max_waiting`` callers
    wait at a time, so that they can't take every thread from users that request coupons; one more gets the
    present state at once. ``stop`` ends all waiting.
    """

    def __init__(
        self, read: Callable[[UUID], CouponRequestStanding], stop: StopSignal, max_waiting: int
    ) -> None:
        """``read`` raises CouponRequestNotFound."""
        self._read = read
        self._stop = stop
        self._permits = threading.BoundedSemaphore(max_waiting)

    def __call__(self, request_id: UUID, wait_seconds: float) -> CouponRequestStanding:
        """The request; still ACCEPTED if not decided in time. Raises :class:`CouponRequestNotFound`."""
        standing = self._read(request_id)
        if not standing.is_undecided or wait_seconds <= 0:
            return standing
        # Never blocks: waiting for a permit would take the thread that the limit keeps free.
        if not self._permits.acquire(blocking=False):
            return standing
        try:
            return self._wait(standing, wait_seconds)
        finally:
            self._permits.release()

    def _wait(self, standing: CouponRequestStanding, wait_seconds: float) -> CouponRequestStanding:
        deadline = time.monotonic() + wait_seconds
        pause_seconds = FIRST_PAUSE_SECONDS
        # Polling, not LISTEN: each listener would hold a connection as long as it waits.
        while standing.is_undecided:
            left_seconds = deadline - time.monotonic()
            if left_seconds <= 0 or self._stop.wait(min(pause_seconds, left_seconds)):
                break
            standing = self._read(standing.view.request.request_id)
            pause_seconds = min(pause_seconds * 1.5, LONGEST_PAUSE_SECONDS)
        return standing
