"""What operators see of payments. The figures are the database's: every worker shows the same.

Only what is unreachable depends on the gateways that the worker is configured for.
"""

import time
from datetime import datetime

from prometheus_client import Counter, Gauge

from order_service.domain.coupon import CouponReleaseBacklog
from order_service.domain.payment import Payment
from order_service.domain.payment_backlog import PaymentBacklog
from servicekit.observability.figures import note_measured, show_age

_UNSETTLED = Gauge(
    "order_payments_unsettled", "Payments that are REQUESTED or UNKNOWN, and await no deposit."
)
_OLDEST_SECONDS = Gauge(
    "order_oldest_unsettled_payment_seconds", "Age of the longest unsettled payment; 0 without one."
)
_AWAITING_DEPOSIT = Gauge(
    "order_payments_awaiting_deposit", "Payments whose buyer has an account to pay into, and time to do so."
)
_UNREACHABLE = Gauge(
    "order_payments_unreachable",
    "Overdue payments of gateways and accounts that this worker isn't configured for.",
)
_TAKEN_BACK = Counter(
    "order_payments_taken_back",
    "Approved payments whose money a gateway says that it no longer has.",
    ["gateway"],
)
_UNACKNOWLEDGED = Gauge(
    "order_payments_taken_back_unacknowledged", "Of these, those that no operator has acknowledged."
)
_TAKEN_BACK_AGAIN = Counter(
    "order_payments_taken_back_again", "Approved payments whose money is gone once more after it was back."
)
_REFUNDS_DUE = Gauge("order_refunds_due", "Payments whose money has to be returned.")
_REFUNDS_REFUSED = Gauge(
    "order_refunds_refused", "Of these, those that the gateway refuses: an operator has to return the money."
)
_OLDEST_REFUND_SECONDS = Gauge(
    "order_oldest_refund_due_seconds", "Age of the oldest refund that is due and not refused; 0 without one."
)
_COUPON_RELEASES = Gauge(
    "order_coupon_releases_waiting", "Coupons that orders don't use, and that are not released yet."
)
_OLDEST_COUPON_RELEASE_SECONDS = Gauge(
    "order_oldest_coupon_release_seconds", "Age of the oldest release that waits; 0 without one."
)

_UNSEALED_SECONDS = Gauge(
    "order_ledger_unsealed_seconds", "How long ago the first hour ended that has no seal; 0 without one."
)
_FAILURES = Counter(
    "order_work_failures",
    "What an error that will not pass keeps the worker from doing, by the event of the log that names it.",
    ["event"],
)
_PAYMENT_FIGURES, _RELEASE_FIGURES, _SEALS = "payments", "coupon releases", "ledger seals"


def expect_figures() -> None:
    """Until they are measured they are as old as the process."""
    note_measured(_PAYMENT_FIGURES, _RELEASE_FIGURES, _SEALS)


def show_backlog(backlog: PaymentBacklog) -> None:
    _UNSETTLED.set(backlog.unsettled)
    show_age(_OLDEST_SECONDS, backlog.oldest_unsettled_seconds)
    _AWAITING_DEPOSIT.set(backlog.awaiting_deposit)
    _UNREACHABLE.set(sum(found.payments for found in backlog.unreachable))
    _REFUNDS_DUE.set(backlog.refunds_due)
    _REFUNDS_REFUSED.set(backlog.refunds_refused)
    show_age(_OLDEST_REFUND_SECONDS, backlog.oldest_refund_due_seconds)
    _UNACKNOWLEDGED.set(backlog.taken_back)
    note_measured(_PAYMENT_FIGURES)


def show_coupon_releases(backlog: CouponReleaseBacklog) -> None:
    _COUPON_RELEASES.set(backlog.waiting)
    show_age(_OLDEST_COUPON_RELEASE_SECONDS, backlog.oldest_seconds)
    note_measured(_RELEASE_FIGURES)


def count_taken_back(payment: Payment) -> None:
    _TAKEN_BACK.labels(payment.request.gateway).inc()


def count_taken_back_again(_: Payment) -> None:
    _TAKEN_BACK_AGAIN.inc()


def count_failure(event: str) -> None:
    _FAILURES.labels(event).inc()


def show_unsealed(ends_at: datetime) -> None:
    # Grows also while nothing can be sealed because of an error.
    _UNSEALED_SECONDS.set_function(lambda: max(0.0, time.time() - ends_at.timestamp()))
    note_measured(_SEALS)
