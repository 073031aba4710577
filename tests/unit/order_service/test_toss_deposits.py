"""A virtual account that nobody pays into ends at its due date, and blocks the order no longer."""

import json
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from order_service.application.look_up_payment import LookUpPayment
from order_service.domain.errors import GatewayMisconfigured
from order_service.domain.payment_outcome import Approved, AwaitsDeposit, Declined, Outcome, Undecided
from tests.support.order_builders import NOON
from tests.unit.order_service.toss_replies import REQUEST, a_payment, answering, toss

DUE = NOON + timedelta(days=7)
# In Seoul.
DUE_DATE = "2026-11-30T21:00:00+09:00"
CANCELED = (200, a_payment(status="CANCELED", approvedAt=None, balanceAmount=0))
PAID = (200, a_payment())


def waiting(due_date: object = DUE_DATE) -> dict[str, Any]:
    account = {"dueDate": due_date, "expired": False}
    return a_payment(status="WAITING_FOR_DEPOSIT", approvedAt=None, virtualAccount=account)


def looked_up(
    at: datetime, reply: tuple[int, Any] = CANCELED, found: dict[str, Any] | None = None
) -> tuple[Outcome, list[httpx.Request]]:
    """The outcome, and the requests that asked Toss to cancel, which are answered with ``reply``."""
    cancellations: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json=found or waiting())
        cancellations.append(request)
        status, body = reply
        return httpx.Response(status, json=body)

    return LookUpPayment(toss(answer))(REQUEST, at), cancellations


@pytest.mark.parametrize("changes", [{}, {"currency": "JPY"}])
def test_a_virtual_account_waits_until_its_due_date(changes: dict[str, Any]) -> None:
    gateway = answering(200, waiting() | changes)
    assert gateway.approve(REQUEST) == gateway.find(REQUEST, NOON) == AwaitsDeposit(DUE)


@pytest.mark.parametrize("due_date", [None, "tomorrow", "2026-11-30T21:00:00", 7])
def test_without_a_due_date_it_waits_for_the_longest_time(due_date: object) -> None:
    awaited = AwaitsDeposit(NOON + timedelta(days=30))
    assert answering(200, waiting(due_date)).find(REQUEST, NOON) == awaited


@pytest.mark.parametrize("after_due", [timedelta(days=-7), timedelta(0), timedelta(minutes=9, seconds=59)])
def test_a_deposit_that_may_still_come_is_waited_for(after_due: timedelta) -> None:
    assert looked_up(DUE + after_due) == (AwaitsDeposit(DUE), [])


def test_an_overdue_deposit_is_cancelled_at_toss_first() -> None:
    outcome, [cancellation] = looked_up(DUE + timedelta(minutes=10))

    assert outcome == Declined("CANCELED")
    assert cancellation.url.path == "/v1/payments/key-1/cancel"
    # No account to return the money to: Toss would refuse to cancel what was paid in the meantime.
    assert json.loads(cancellation.content) == {"cancelReason": "입금 기한 만료"}


def test_a_deposit_that_was_faster_than_the_cancellation_counts() -> None:
    assert looked_up(DUE + timedelta(minutes=10), PAID)[0] == Approved(NOON)


@pytest.mark.parametrize(
    "reply",
    [
        (400, {"code": "INVALID_REFUND_ACCOUNT_INFO", "message": ""}),
        (403, {"code": "NOT_CANCELABLE_PAYMENT", "message": ""}),
        (500, {"code": "FAILED_INTERNAL_SYSTEM_PROCESSING", "message": ""}),
        (200, waiting() | {"paymentKey": "key-2"}),
    ],
)
def test_a_refused_cancellation_declares_nothing_unpaid(reply: tuple[int, Any]) -> None:
    assert looked_up(DUE + timedelta(days=3), reply)[0] == Undecided()


def test_a_cancellation_with_a_wrong_key_is_an_operators_matter() -> None:
    with pytest.raises(GatewayMisconfigured):
        looked_up(DUE + timedelta(days=1), (401, {"code": "UNAUTHORIZED_KEY", "message": ""}))


def test_a_deposit_days_overdue_is_lost_although_toss_cancels_nothing() -> None:
    assert looked_up(DUE + timedelta(days=3, seconds=1)) == (Declined("DEPOSIT_OVERDUE"), [])


def test_a_cancellation_has_one_key_a_minute() -> None:
    """Toss would repeat a refusal, whose cause may have gone by then."""
    times = [timedelta(minutes=60), timedelta(minutes=60, seconds=59), timedelta(minutes=61)]
    requests = [looked_up(DUE + after)[1][0] for after in times]
    first, again, next_minute = (request.headers["Idempotency-Key"] for request in requests)
    assert first == again != next_minute
    assert REQUEST.idempotency_key not in (first, next_minute)
