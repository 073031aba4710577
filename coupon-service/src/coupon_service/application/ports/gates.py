"""What the use cases need beside transactions."""

from collections.abc import Callable
from typing import Protocol

from coupon_service.domain.coupon_request import CouponRequest
from servicekit.outbox.event import OutboxEvent

RequestEvent = Callable[[CouponRequest, str | None], OutboxEvent]
"""Makes the event that the request was accepted and awaits its decision, in the trace given."""


class Gate(Protocol):
    """Which requests can't succeed, without a transaction for each question."""

    def check(self, coupon_id: int) -> None:
        """Raises CouponNotFound and CouponNotAvailable. What passes may still be rejected."""
        ...

    def check_known(self, coupon_id: int) -> bool:
        """:meth:`check` without waiting; false if that can't tell."""
        ...
