from order_service.domain.money import Money
from order_service.domain.payment import PaymentStatus
from order_service.domain.payment_outcome import Approved, ChargedOtherwise
from order_service.domain.refund_request import RefundRequest
from tests.support.order_builders import NOON, a_payment


def test_all_that_was_taken_is_returned_in_its_own_currency() -> None:
    payment = a_payment(PaymentStatus.UNKNOWN).settled(1, ChargedOtherwise(NOON, Money(2_300, "USD")))

    refund = RefundRequest.of_all(payment, "reason", attempt=1)

    assert (refund.amount, refund.refundable_amount, refund.payment.currency) == (2_300, 2_300, "USD")
    assert refund.remaining_amount == 0
    assert refund.payment.payment_key == payment.request.payment_key


def test_a_payment_has_one_refund_of_all_and_each_attempt_a_key_of_its_own() -> None:
    payment = a_payment(PaymentStatus.ABANDONED).settled(1, Approved(NOON))
    first, again, next_one = (RefundRequest.of_all(payment, "reason", attempt) for attempt in (1, 1, 2))

    assert first == again
    assert (first.amount, first.payment.currency) == (30_000, "KRW")
    assert first.refund_id == next_one.refund_id
    keys = {first.idempotency_key, next_one.idempotency_key, payment.request.idempotency_key}
    assert len(keys) == 3
