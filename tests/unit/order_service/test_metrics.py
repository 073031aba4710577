"""The worker's figures, as a scrape sees them."""

from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from order_service.domain.payment_backlog import PaymentBacklog, UnreachablePayments
from order_service.metrics import show_backlog

BACKLOG = PaymentBacklog(
    unsettled=2,
    oldest_unsettled_seconds=30.0,
    refunds_due=3,
    awaiting_deposit=4,
    unreachable=(UnreachablePayments("toss", None, 5, 60.0, uuid4()),),
    refunds_refused=6,
    oldest_refund_due_seconds=70.0,
    taken_back=8,
)


@pytest.mark.parametrize(
    ("gauge", "value"),
    [
        ("order_payments_unsettled", 2),
        ("order_oldest_unsettled_payment_seconds", 30),
        ("order_refunds_due", 3),
        ("order_payments_awaiting_deposit", 4),
        ("order_payments_unreachable", 5),
        ("order_refunds_refused", 6),
        ("order_oldest_refund_due_seconds", 70),
        ("order_payments_taken_back_unacknowledged", 8),
    ],
)
def test_each_figure_of_a_backlog_is_shown(gauge: str, value: float) -> None:
    show_backlog(BACKLOG)
    # Ages go on while nothing is measured.
    assert REGISTRY.get_sample_value(gauge) == pytest.approx(value, abs=0.9)
