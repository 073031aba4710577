"""Asking the gateway to take the money of a payment that has just been stored."""

from collections.abc import Callable
from datetime import timedelta

import structlog

from order_service.application.ports import PaymentGateway
from order_service.domain.payment_outcome import Answer, Undecided
from order_service.domain.payment_request import PaymentRequest
from servicekit.lease_clock import lease_clock_seconds

_log = structlog.get_logger(__name__)


class SendPayment:
    """Sends nothing if the process stood still for longer than ``begins_within`` after storing the attempt.

    Others have looked it up by then, or soon will: they would give it up, and another payment could be
    charged for the order. A look-up settles what was not sent.
    """

    def __init__(
        self,
        gateway: PaymentGateway,
        begins_within: timedelta,
        clock_seconds: Callable[[], float] = lease_clock_seconds,
    ) -> None:
        self._gateway = gateway
        self._begins_within_seconds = begins_within.total_seconds()
        self._clock_seconds = clock_seconds

    def clock_seconds(self) -> float:
        """To be read before the attempt is stored: others can only count from later on."""
        return self._clock_seconds()

    def __call__(self, request: PaymentRequest, stored_at_seconds: float) -> Answer:
        # No transaction is open: a slow gateway must hold neither the order's lock nor a connection.
        if self._clock_seconds() - stored_at_seconds < self._begins_within_seconds:
            return self._gateway.approve(request)
        _log.warning(
            "payment_not_sent_in_time", order_id=str(request.order_id), payment_id=str(request.payment_id)
        )
        return Undecided()
