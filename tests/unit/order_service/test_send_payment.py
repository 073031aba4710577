"""A process that stood still between storing a payment and sending it looks at the clock once more."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from order_service.application.send_payment import SendPayment
from order_service.domain.payment_outcome import Approved, Undecided
from order_service.gateways.in_process import InProcessGateway
from tests.support.order_builders import NOON, a_request


@pytest.mark.parametrize(
    ("stood_still_seconds", "answer"),
    [(0.0, Approved(NOON)), (4.9, Approved(NOON)), (5.0, Undecided()), (900.0, Undecided())],
)
def test_a_payment_is_sent_soon_after_it_was_stored_or_not_at_all(
    stood_still_seconds: float, answer: object
) -> None:
    clock = iter([100.0, 100.0 + stood_still_seconds])
    send = SendPayment(InProcessGateway(), timedelta(seconds=5), lambda: next(clock))
    stored_at_seconds = send.clock_seconds()
    request = a_request()

    with capture_logs() as logs:
        assert send(request, stored_at_seconds) == answer

    warned = [line["payment_id"] for line in logs if line["event"] == "payment_not_sent_in_time"]
    assert warned == ([] if isinstance(answer, Approved) else [str(request.payment_id)])
