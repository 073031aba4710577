"""One payment after another."""

import json
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from structlog.typing import EventDict

from servicekit.rfc3339 import format_rfc3339
from tests.integration.order_service.ledger_gateway import CallerDied
from tests.integration.order_service.shop import A_SECOND, IN_PROGRESS_LIMIT, TOTAL, Shop, slug

SCHEMA = Path(__file__).parents[4] / "shared" / "contracts" / "order-completed" / "v1.schema.json"


def test_an_approved_payment_completes_the_order_and_leaves_its_event(shop: Shop) -> None:
    order_id = shop.placed()
    reply = shop.pay(order_id, key="k-1")
    assert reply.status_code == 201
    payment = reply.get_json()
    assert payment == {
        "paymentId": payment["paymentId"],
        "orderId": order_id,
        "status": "APPROVED",
        "amount": TOTAL,
        "currency": "KRW",
        "method": "CARD",
        "approvedAt": payment["approvedAt"],
    }
    [(requested_at,)] = shop.query("SELECT requested_at FROM payment")
    assert payment["approvedAt"] == format_rfc3339(requested_at)
    order = shop.order(order_id)
    assert (order["status"], order["payment"]) == ("COMPLETED", payment)
    [event] = shop.events()
    jsonschema.validate(event, json.loads(SCHEMA.read_text("utf-8")))
    assert (event["orderId"], event["totalAmount"]) == (order_id, TOTAL)
    assert event["payment"]["paymentId"] == payment["paymentId"]
    assert shop.query("SELECT topic, aggregateid, type, source, id::text FROM outbox") == [
        ("order-completed", order_id, "OrderCompleted", "/order-service", event["eventId"])
    ]


def test_a_repeated_payment_gets_the_first_reply_and_charges_once(shop: Shop) -> None:
    order_id = shop.placed()
    first = shop.pay(order_id, key="k-1")
    again = shop.pay(order_id, key="k-1")
    assert (again.status_code, again.data) == (201, first.data)
    assert (len(shop.gateway.charged), len(shop.events())) == (1, 1)


def test_a_completed_order_is_not_paid_again(shop: Shop) -> None:
    order_id = shop.placed()
    shop.pay(order_id, key="k-1")
    reply = shop.pay(order_id, "pay-2", key="k-2")
    assert (reply.status_code, slug(reply)) == (409, "order-already-completed")
    assert (len(shop.gateway.charged), len(shop.events())) == (1, 1)


@pytest.mark.parametrize("amount", [TOTAL - 1, TOTAL + 1, 0])
def test_another_amount_than_the_total_is_refused(shop: Shop, amount: int) -> None:
    order_id = shop.placed()
    reply = shop.pay(order_id, amount=amount, key="k-1")
    assert (reply.status_code, slug(reply)) == (422, "amount-mismatch")
    assert reply.get_json()["errors"][0]["field"] == "amount"
    assert (shop.count("payment"), shop.count("idempotency_key")) == (0, 0)
    assert shop.pay(order_id, key="k-1").status_code == 201


def test_a_declined_payment_leaves_the_order_to_be_paid_again(shop: Shop) -> None:
    order_id = shop.placed()
    declined = shop.pay(order_id, "decline-1", key="k-1")
    assert (declined.status_code, slug(declined)) == (402, "payment-declined")
    assert (shop.order(order_id)["status"], shop.events()) == ("PENDING_PAYMENT", [])
    assert shop.order(order_id)["payment"]["status"] == "DECLINED"
    assert shop.pay(order_id, "decline-1", key="k-1").status_code == 402

    assert shop.pay(order_id, "pay-2", key="k-2").status_code == 201
    assert shop.payment_statuses() == ["DECLINED", "APPROVED"]
    assert shop.order(order_id)["payment"]["status"] == "APPROVED"


def test_an_unknown_outcome_is_looked_up_by_a_retry_with_the_same_key(shop: Shop) -> None:
    order_id = shop.placed()
    unknown = shop.pay(order_id, "silent-1", key="k-1")
    assert (unknown.status_code, slug(unknown)) == (504, "payment-outcome-unknown")
    assert "same Idempotency-Key" in unknown.get_json()["detail"]
    assert unknown.headers["Retry-After"]
    assert (shop.order(order_id)["payment"]["status"], shop.events()) == ("UNKNOWN", [])

    assert shop.pay(order_id, "silent-1", key="k-1").status_code == 201
    assert (len(shop.gateway.charged), len(shop.events())) == (1, 1)


def test_an_unknown_outcome_is_looked_up_before_another_payment_is_made(shop: Shop) -> None:
    order_id = shop.placed()
    shop.pay(order_id, "silent-1", key="k-1")
    reply = shop.pay(order_id, "pay-2", key="k-2")
    assert (reply.status_code, slug(reply)) == (409, "order-already-completed")
    assert (len(shop.gateway.charged), len(shop.events())) == (1, 1)
    assert shop.pay(order_id, "silent-1", key="k-1").status_code == 201


def test_nothing_is_charged_while_the_gateway_can_not_tell(shop: Shop) -> None:
    order_id = shop.placed()
    shop.pay(order_id, "silent-1", key="k-1")
    shop.gateway.blind = True
    assert shop.pay(order_id, "silent-1", key="k-1").status_code == 504
    other = shop.pay(order_id, "pay-2", key="k-2")
    assert (other.status_code, slug(other)) == (409, "payment-in-progress")
    assert len(shop.gateway.charged) == 1
    shop.gateway.blind = False
    shop.time_passes(A_SECOND)
    assert shop.pay(order_id, "silent-1", key="k-1").status_code == 201


def test_a_lost_payment_is_sent_again_by_a_retry(shop: Shop) -> None:
    order_id = shop.placed()
    assert shop.pay(order_id, "lost-1", key="k-1").status_code == 504
    assert shop.pay(order_id, "lost-1", key="k-1").status_code == 504
    shop.gateway.lost = ("nothing-",)
    shop.time_passes(A_SECOND)
    assert shop.pay(order_id, "lost-1", key="k-1").status_code == 201
    assert shop.query("SELECT status, attempt FROM payment") == [("APPROVED", 3)]
    assert (len(shop.gateway.charged), len(shop.events())) == (1, 1)


def test_a_lost_payment_gives_way_to_another_one(shop: Shop) -> None:
    order_id = shop.placed()
    shop.pay(order_id, "lost-1", key="k-1")
    assert shop.pay(order_id, "pay-2", key="k-2").status_code == 201
    assert shop.payment_statuses() == ["ABANDONED", "APPROVED"]
    late = shop.pay(order_id, "lost-1", key="k-1")
    assert (late.status_code, slug(late)) == (409, "payment-abandoned")
    assert (len(shop.gateway.charged), len(shop.events())) == (1, 1)


def test_a_process_that_died_after_charging_is_made_good_by_a_retry(shop: Shop) -> None:
    order_id = shop.placed()
    with pytest.raises(CallerDied):
        shop.pay(order_id, "fatal-1", key="k-1")
    assert (shop.payment_statuses(), shop.events()) == (["REQUESTED"], [])

    assert shop.pay(order_id, "fatal-1", key="k-1").status_code == 201
    assert (len(shop.gateway.charged), len(shop.events())) == (1, 1)


def test_a_process_that_died_after_charging_delays_others_for_a_time(shop: Shop) -> None:
    order_id = shop.placed()
    with pytest.raises(CallerDied):
        shop.pay(order_id, "fatal-1")
    soon = shop.pay(order_id, "pay-2", key="k-2")
    assert (soon.status_code, slug(soon)) == (409, "payment-in-progress")

    shop.time_passes(IN_PROGRESS_LIMIT)
    later = shop.pay(order_id, "pay-2", key="k-2")
    assert (later.status_code, slug(later)) == (409, "order-already-completed")
    assert shop.order(order_id)["status"] == "COMPLETED"
    assert (len(shop.gateway.charged), len(shop.events())) == (1, 1)


def test_a_charge_after_its_payment_was_abandoned_is_due_for_refund(
    shop: Shop, logs: list[EventDict]
) -> None:
    order_id = shop.placed()

    def freeze_until_abandoned(_: object) -> None:
        shop.gateway.before_charging = lambda request: None
        shop.time_passes(IN_PROGRESS_LIMIT + timedelta(seconds=1))
        assert shop.pay(order_id, "pay-2", key="k-2").status_code == 201

    shop.gateway.before_charging = freeze_until_abandoned
    late = shop.pay(order_id, "pay-1", key="k-1")
    assert (late.status_code, slug(late)) == (409, "payment-refund-due")
    assert shop.payment_statuses() == ["REFUND_DUE", "APPROVED"]
    # No error: the worker returns it.
    [line] = [entry for entry in logs if entry["event"] == "payment_refund_due"]
    assert (line["log_level"], line["order_id"]) == ("warning", order_id)
    assert len(shop.events()) == 1


def test_a_key_used_again_for_another_payment_is_refused(shop: Shop) -> None:
    order_id = shop.placed()
    shop.pay(order_id, key="k-1")
    reply = shop.pay(order_id, "pay-2", key="k-1")
    assert (reply.status_code, slug(reply)) == (422, "idempotency-key-reused")
    assert (shop.count("payment"), len(shop.gateway.charged)) == (1, 1)


def test_nobody_can_occupy_the_key_of_another_order(shop: Shop) -> None:
    order_id, other_id = shop.placed(), shop.placed()
    shop.pay(order_id, key=f"pay-{other_id}")
    reply = shop.pay(other_id, key=f"pay-{other_id}")
    assert (reply.status_code, reply.get_json()["orderId"]) == (201, other_id)


def test_a_repeated_approval_is_marked_as_replayed(shop: Shop) -> None:
    order_id = shop.placed()
    first, again = shop.pay(order_id, key="k-1"), shop.pay(order_id, key="k-1")
    assert again.get_json() == first.get_json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_repeated_decline_is_marked_as_replayed(shop: Shop) -> None:
    order_id = shop.placed()
    first, again = (shop.pay(order_id, "decline-1", key="k-1") for _ in range(2))
    assert (first.status_code, again.status_code) == (402, 402)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"


def test_one_payment_key_pays_for_one_order(shop: Shop) -> None:
    order_id, other_id = shop.placed(), shop.placed()
    assert shop.pay(order_id, "pay-1", key="k-1").status_code == 201

    reply = shop.pay(other_id, "pay-1", key="k-1")

    assert (reply.status_code, slug(reply)) == (422, "payment-key-reused")
    assert reply.get_json()["errors"][0]["field"] == "paymentKey"
    assert (shop.order(other_id)["status"], len(shop.gateway.charged)) == ("PENDING_PAYMENT", 1)
    # The refused request left nothing, its idempotency key neither.
    assert shop.pay(other_id, "pay-2", key="k-1").status_code == 201


def test_a_payment_key_that_was_declined_may_be_used_again(shop: Shop) -> None:
    order_id, other_id = shop.placed(), shop.placed()
    for tried in (order_id, order_id, other_id):
        assert shop.pay(tried, "decline-1").status_code == 402
