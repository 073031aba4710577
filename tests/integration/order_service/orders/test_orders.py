import uuid
from typing import Any

import pytest

from order_service.persistence.unit_of_work import OrderSnapshot
from tests.integration.order_service.shop import TOTAL, Shop, an_order_body, slug


def as_shown(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Items outside of the catalogue, none of them cancelled."""
    return [
        item | {"lineNumber": number, "name": None, "leftQuantity": item["quantity"]}
        for number, item in enumerate(items, start=1)
    ]


def test_an_order_is_placed_and_read(shop: Shop) -> None:
    reply = shop.place()
    assert reply.status_code == 201
    body = reply.get_json()
    assert reply.headers["Location"] == f"/api/v1/orders/{body['orderId']}"
    assert uuid.UUID(body["orderId"]).version == 7
    assert (body["status"], body["totalAmount"], body["payment"]) == ("PENDING_PAYMENT", TOTAL, None)
    assert body["items"] == as_shown(an_order_body()["items"])
    assert shop.order(body["orderId"]) == body


def test_one_product_may_stand_in_two_lines_and_lines_keep_their_order(shop: Shop) -> None:
    items = [{"productId": name, "quantity": 1, "unitPrice": price} for price, name in enumerate("BABAA")]
    reply = shop.place(an_order_body(items=items))
    assert shop.order(reply.get_json()["orderId"])["items"] == as_shown(items)


def test_the_same_request_with_the_same_key_places_one_order(shop: Shop) -> None:
    first = shop.place(key="k-1")
    shop.pay(first.get_json()["orderId"])
    again = shop.place(key="k-1")
    # Word for word the first reply, though the order has been paid since.
    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Location"] == first.headers["Location"]
    assert shop.count("orders") == 1


def test_a_key_used_again_with_another_body_is_refused(shop: Shop) -> None:
    shop.place(key="k-1")
    reply = shop.place(an_order_body(currency="USD"), key="k-1")
    assert (reply.status_code, slug(reply)) == (422, "idempotency-key-reused")
    assert shop.count("orders") == 1


def test_another_user_may_use_the_same_key(shop: Shop) -> None:
    shop.place(key="k-1")
    reply = shop.place(an_order_body(userId=8), key="k-1")
    assert (reply.status_code, reply.get_json()["userId"]) == (201, 8)
    assert "Idempotent-Replayed" not in reply.headers


def test_only_a_repeated_order_is_marked_as_replayed(shop: Shop) -> None:
    first, again = shop.place(key="k-1"), shop.place(key="k-1")
    assert again.get_json() == first.get_json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"


def test_an_order_for_nothing_is_completed_by_a_payment_of_nothing(shop: Shop) -> None:
    order = shop.place(an_order_body(items=[{"productId": "GIFT", "quantity": 1, "unitPrice": 0}])).get_json()
    assert order["totalAmount"] == 0
    assert shop.pay(order["orderId"], amount=0).status_code == 201


@pytest.mark.parametrize("order_id", [str(uuid.UUID(int=1, version=4)), str(uuid.UUID(int=0))])
def test_an_unknown_order_is_not_found(shop: Shop, order_id: str) -> None:
    for reply in (shop.client.get(f"/api/v1/orders/{order_id}"), shop.pay(order_id, key="k-1")):
        assert (reply.status_code, slug(reply)) == (404, "order-not-found")
        assert reply.get_json()["errors"][0]["field"] == "path.orderId"
    assert shop.count("idempotency_key") == 0


def test_an_order_and_its_payment_are_read_at_the_same_moment(shop: Shop) -> None:
    order_id = uuid.UUID(shop.placed())
    with OrderSnapshot(shop.engine) as reading:
        before = reading.orders.get(order_id)
        assert shop.pay(str(order_id)).status_code == 201
        assert (reading.orders.get(order_id), reading.payments.latest(order_id)) == (before, None)


@pytest.mark.parametrize(
    ("phone", "stored"),
    [
        ("01012345678", "010-1234-5678"),
        ("010.1234.5678", "010-1234-5678"),
        ("010 1234 5678", "010-1234-5678"),
        ("+821012345678", "010-1234-5678"),
        ("+82-10-1234-5678", "010-1234-5678"),
        ("+82 10-1234-5678", "010-1234-5678"),
        ("\uff10\uff11\uff10-1234-5678", "010-1234-5678"),
        ("011-123-4567", "011-123-4567"),
        ("02-312-3456", "02-312-3456"),
        ("(031) 123-4567", "031-123-4567"),
        ("1588-1234", "1588-1234"),
        ("070-1234-5678", "070-1234-5678"),
        # libphonenumber's grouping; the digits are what is dialled.
        ("0504-1234-5678", "050-41234-5678"),
        ("0507-123-4567", "050-7123-4567"),
        # Blocks that libphonenumber doesn't know yet.
        ("010-0000-0000", "010-0000-0000"),
        ("1811-1234", "1811-1234"),
        ("+1 (415) 555-2671", "+14155552671"),
        ("001-1-415-555-2671", "+14155552671"),
        ("0082-10-1234-5678", "010-1234-5678"),
        ("0082 2 312 3456", "02-312-3456"),
        # What stands beside the number is no reason to refuse a sale.
        ("02-312-3456 내선 3", "02-312-3456"),
        ("02-312-3456 (내선 123)", "02-312-3456"),
        ("010-1234-5678 ext. 3", "010-1234-5678"),
        ("02-312-3456#12", "02-312-3456"),
        ("010-1234-5678 (집)", "010-1234-5678"),
        ("010-1234-5678(자택)", "010-1234-5678"),
        ("010-1234-5678 회사", "010-1234-5678"),
    ],
)
def test_a_phone_number_is_accepted_however_it_is_written(shop: Shop, phone: str, stored: str) -> None:
    reply = shop.place(an_order_body(recipient={"name": "김하늘", "phone": phone}))
    assert reply.status_code == 201, reply.text
    assert shop.query("SELECT recipient_phone FROM orders") == [(stored,)]
    shop.pay(reply.get_json()["orderId"])
    [event] = shop.events()
    assert event["recipient"]["phone"] == stored
