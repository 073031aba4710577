"""An API that stood still between storing a payment and sending it: others have gone on without it."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest

from order_service.application.pay_order import PayOrder, PayOrderCommand
from order_service.application.send_payment import SendPayment
from order_service.application.settle_payment import SettlePayment
from order_service.domain.errors import PaymentAbandoned, PaymentOutcomeUnknown
from order_service.domain.payment_request import PaymentMethod
from order_service.messaging.outgoing_order_completed import order_completed
from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.idempotency.key import IdempotencyKey
from servicekit.outbound.turns import Turns
from tests.integration.order_service.shop import A_SECOND, BEGINS_WITHIN, IN_PROGRESS_LIMIT, TOTAL, Shop


def pay_frozen(shop: Shop, order_id: str, key: IdempotencyKey, meanwhile: Callable[[], object]) -> None:
    """Pay in a process that stands still once it has stored an attempt, while ``meanwhile`` happens."""
    seconds = 0.0

    def clock_seconds() -> float:
        nonlocal seconds
        if seconds:
            meanwhile()
        seconds += BEGINS_WITHIN.total_seconds()
        return seconds

    unit_of_work = partial(OrderUnitOfWork, shop.engine)
    settle = SettlePayment(unit_of_work, order_completed)
    send = SendPayment(shop.gateway, BEGINS_WITHIN, clock_seconds)
    pay = PayOrder(unit_of_work, shop.gateway, send, settle, IN_PROGRESS_LIMIT, Turns(1))
    pay(PayOrderCommand(UUID(order_id), PaymentMethod.CARD, "lost-1", TOTAL, key))


def a_key() -> IdempotencyKey:
    return IdempotencyKey("frozen", "k-1", "fingerprint")


def test_nothing_is_charged_late_and_another_payment_charges_once(shop: Shop) -> None:
    order_id = shop.placed()
    with pytest.raises(PaymentOutcomeUnknown):
        pay_frozen(shop, order_id, a_key(), lambda: None)
    assert (shop.payment_statuses(), shop.gateway.charged) == (["UNKNOWN"], {})

    assert shop.pay(order_id, "pay-2", key="k-2").status_code == 201
    assert (shop.payment_statuses(), len(shop.gateway.charged)) == (["ABANDONED", "APPROVED"], 1)


def test_a_payment_that_others_gave_up_meanwhile_is_not_sent(shop: Shop) -> None:
    order_id = shop.placed()
    shop.gateway.lost = ("nothing-",)

    def another_payment() -> None:
        shop.time_passes(IN_PROGRESS_LIMIT)
        assert shop.pay(order_id, "pay-2", key="k-2").status_code == 201

    with pytest.raises(PaymentAbandoned):
        pay_frozen(shop, order_id, a_key(), another_payment)

    assert shop.payment_statuses() == ["ABANDONED", "APPROVED"]
    assert [request.payment_key for request in shop.gateway.charged.values()] == ["pay-2"]


def test_another_attempt_is_not_sent_late_either(shop: Shop) -> None:
    order_id = shop.placed()
    with pytest.raises(PaymentOutcomeUnknown):
        pay_frozen(shop, order_id, a_key(), lambda: None)
    shop.gateway.lost = ("nothing-",)
    shop.time_passes(A_SECOND)

    with pytest.raises(PaymentOutcomeUnknown):
        pay_frozen(shop, order_id, a_key(), lambda: None)

    assert shop.gateway.looked_up == ["lost-1"]
    assert shop.query("SELECT status, attempt FROM payment") == [("UNKNOWN", 2)]
    assert shop.gateway.charged == {}
