"""What operators see of payments. Every worker shows the same figures: they are the database's."""

from prometheus_client import Gauge

from order_service.domain.payment_backlog import PaymentBacklog

_UNSETTLED = Gauge("order_payments_unsettled", "Payments that are REQUESTED or UNKNOWN.")
_OLDEST_SECONDS = Gauge(
    "order_oldest_unsettled_payment_seconds", "Age of the longest unsettled payment; 0 without one."
)
_REFUNDS_DUE = Gauge("order_refunds_due", "Payments whose money an operator has to return.")


def show_backlog(backlog: PaymentBacklog) -> None:
    _UNSETTLED.set(backlog.unsettled)
    _OLDEST_SECONDS.set(backlog.oldest_unsettled_seconds)
    _REFUNDS_DUE.set(backlog.refunds_due)
