"""Storing one request whose idempotency key another transaction holds."""

import threading
from uuid import UUID

from coupon_service.application.accept_requests import AcceptRequests, RequestToAccept
from servicekit.idempotency.key import Answer, IdempotencyKeyHeld


class AcceptRequestAlone:
    """Waits for that transaction, as long as for any lock, in the caller's thread.

    At most ``max_waiting`` callers wait at a time: a process that was frozen may hold the keys of hundreds,
    and they must not take every thread.
    """

    def __init__(self, accept: AcceptRequests, max_waiting: int) -> None:
        """``accept`` waits for keys."""
        self._accept = accept
        self._permits = threading.BoundedSemaphore(max_waiting)

    def __call__(self, request: RequestToAccept) -> Answer[UUID]:
        """The id of the request. Raises IdempotencyKeyReused, and IdempotencyKeyHeld where it can't wait."""
        if not self._permits.acquire(blocking=False):
            raise IdempotencyKeyHeld
        try:
            [answer] = self._accept([request])
        finally:
            self._permits.release()
        if isinstance(answer, Exception):
            raise answer
        return answer
