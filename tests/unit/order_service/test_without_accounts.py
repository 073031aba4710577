"""An account that isn't sold is closed at once, unless that would take too long."""

from datetime import timedelta

import httpx
import pytest

from order_service.domain.payment_outcome import AwaitsDeposit, Declined
from order_service.gateways.without_accounts import WithoutAccounts
from tests.unit.order_service.toss_replies import REQUEST, a_payment, toss

WAITING = a_payment(status="WAITING_FOR_DEPOSIT", approvedAt=None)
CANCELED = a_payment(status="CANCELED", approvedAt=None, balanceAmount=0)


@pytest.mark.parametrize(("confirm_seconds", "is_closed"), [(48.0, True), (48.1, False)])
def test_a_late_answer_leaves_the_account_to_the_worker(confirm_seconds: float, is_closed: bool) -> None:
    now_seconds, cancellations = 0.0, list[httpx.Request]()

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal now_seconds
        if request.url.path.endswith("/cancel"):
            cancellations.append(request)
            return httpx.Response(200, json=CANCELED)
        now_seconds += confirm_seconds
        return httpx.Response(200, json=WAITING)

    gateway = WithoutAccounts(toss(answer), timedelta(seconds=48), lambda: now_seconds)
    outcome = gateway.approve(REQUEST)

    assert len(cancellations) == is_closed
    # Else it is overdue, so that the next look-up closes it.
    overdue = AwaitsDeposit(REQUEST.requested_at - timedelta(days=1))
    assert outcome == (Declined("VIRTUAL_ACCOUNT_NOT_SOLD") if is_closed else overdue)
