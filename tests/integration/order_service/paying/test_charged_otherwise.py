"""The gateway took another amount or currency than the order's: it is returned, and the order paid again."""

from order_service.application.settle_unsettled_payments import LookUps
from tests.integration.order_service.ledger_gateway import DOLLARS
from tests.integration.order_service.settling.test_settling import a_worker, backlog
from tests.integration.order_service.shop import IN_PROGRESS_LIMIT, Shop, slug


def test_other_money_is_due_for_refund_and_pays_no_order(shop: Shop) -> None:
    order_id = shop.placed()

    reply = shop.pay(order_id, "dollars-1", key="k-1")

    assert (reply.status_code, slug(reply)) == (409, "payment-refund-due")
    assert shop.query("SELECT status, charged_amount, charged_currency FROM payment") == [
        ("REFUND_DUE", DOLLARS.amount, DOLLARS.currency)
    ]
    assert (shop.order(order_id)["status"], shop.events()) == ("PENDING_PAYMENT", [])
    assert backlog(shop).refunds_due == 1


def test_the_order_is_paid_again_and_the_refund_stays_due_once(shop: Shop) -> None:
    order_id = shop.placed()
    shop.pay(order_id, "dollars-1", key="k-1")

    assert shop.pay(order_id, "pay-2", key="k-2").status_code == 201
    again = shop.pay(order_id, "dollars-1", key="k-1")

    assert (again.status_code, slug(again)) == (409, "payment-refund-due")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (shop.payment_statuses(), shop.gateway.looked_up) == (["REFUND_DUE", "APPROVED"], [])
    assert (backlog(shop).refunds_due, len(shop.events())) == (1, 1)


def test_a_key_whose_money_is_returned_pays_for_nothing(shop: Shop) -> None:
    """The gateway would show its charge as the new payment's."""
    order_id = shop.placed()
    shop.pay(order_id, "dollars-1", key="k-1")

    for key in ("k-2", "k-3"):
        reply = shop.pay(order_id, "dollars-1", key=key)
        assert (reply.status_code, slug(reply)) == (422, "payment-key-reused")
    assert (shop.payment_statuses(), len(shop.gateway.charged)) == (["REFUND_DUE"], 1)


def test_other_money_that_a_look_up_finds_is_due_for_refund(shop: Shop) -> None:
    order_id = shop.placed()
    shop.pay(order_id, "dollars-1", key="k-1")
    # As if the gateway's answer had been lost.
    shop.execute(
        "UPDATE payment SET status = 'UNKNOWN', approved_at = NULL, charged_amount = NULL,"
        " charged_currency = NULL, decided_by = NULL"
    )
    shop.time_passes(IN_PROGRESS_LIMIT)

    assert a_worker(shop.engine, shop.gateway)() == LookUps(looked_up=1, settled=1)
    assert shop.query("SELECT status, charged_amount FROM payment") == [("REFUND_DUE", DOLLARS.amount)]
