"""Both business processes of the seed, end to end over HTTP, Kafka and three databases."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from kafka.admin import KafkaAdminClient

from devstack.abstract_stack import Stack
from tests.support.demo import DemoProcess, assert_nothing_lost_or_doubled
from tests.support.shop import ShopClient
from tests.support.streams import Watcher
from tests.support.topics import produce, read_topic
from tests.support.waiting import wait_until


def test_click_becomes_a_coupon_in_order_and_never_more_than_there_are(shop: ShopClient) -> None:
    coupon_id = shop.create_coupon(totalQuantity=2)
    requests = [shop.decided(shop.press(user_id, coupon_id)) for user_id in (1, 1, 2)]
    assert [(request["status"], request.get("reason")) for request in requests] == [
        ("ISSUED", None),
        ("REJECTED", "DUPLICATE"),
        ("ISSUED", None),
    ]
    assert [request["decisionNumber"] for request in requests] == [1, 2, 3]
    assert [request.get("issueNumber") for request in requests] == [1, None, 2]
    assert shop.refusal(3, coupon_id) == "SOLD_OUT"
    coupon = shop.get("coupon-api", f"/api/v1/coupons/{coupon_id}").json()
    assert (coupon["issuedQuantity"], coupon["remainingQuantity"], coupon["status"]) == (2, 0, "SOLD_OUT")


def test_answer_is_the_seeds(shop: ShopClient) -> None:
    coupon_id = shop.create_coupon()
    reply = shop.post("coupon-api", f"/api/v1/users/9/coupons/{coupon_id}/issue")
    assert reply.status_code == 202
    assert (reply.json()["status"], reply.json()["message"]) == ("ACCEPTED", "요청 접수됨")
    assert reply.headers["Location"] == f"/api/v1/coupon-requests/{reply.json()['requestId']}"


def test_polls_through_the_load_balancer_are_answered_at_the_front(shop: ShopClient) -> None:
    request_id = shop.press(1, shop.create_coupon())
    # More than there are containers: each gets some, and any of them tells.
    for _ in range(20):
        assert shop.get("coupon-api", f"/api/v1/coupon-requests/{request_id}").status_code == 200
    metrics = shop.get("coupon-api", "/metrics").text
    assert 'http_front_requests_total{method="GET",route="/api/v1/coupon-requests/' in metrics


def test_waiting_for_the_decision_ends_with_it(shop: ShopClient) -> None:
    request_id = shop.press(1, shop.create_coupon())
    request = shop.get("coupon-api", f"/api/v1/coupon-requests/{request_id}?wait=10").json()
    assert request["status"] == "ISSUED"


def test_a_watched_request_gets_its_decision(shop: ShopClient) -> None:
    request_id = shop.press(1, shop.create_coupon())
    with Watcher(shop.watch_url, UUID(request_id)) as watcher:
        assert watcher.decision()["status"] == "ISSUED"


def test_payment_becomes_three_effects(shop: ShopClient) -> None:
    order_id = shop.place_order()
    payment = shop.pay(order_id)
    assert (payment.status_code, payment.json()["status"]) == (201, "APPROVED")
    assert set(shop.effects(order_id)) == {"alimtalk", "analytics", "monitoring"}
    assert shop.get("order-api", f"/api/v1/orders/{order_id}").json()["status"] == "COMPLETED"


def test_declined_payment_publishes_nothing_and_can_be_paid_again(shop: ShopClient) -> None:
    order_id = shop.place_order()
    assert shop.pay(order_id, payment_key="decline-1").status_code == 402
    assert shop.get("order-api", f"/api/v1/orders/{order_id}").json()["status"] == "PENDING_PAYMENT"
    assert shop.pay(order_id, payment_key=f"card-2-{order_id}").status_code == 201
    assert all(effect["attempts"] == 1 for effect in shop.effects(order_id).values())


def test_a_coupon_that_was_pressed_for_takes_its_discount_off_an_order(
    stack: Stack, shop: ShopClient
) -> None:
    user_id = 7001
    issued = shop.decided(shop.press(user_id, shop.create_coupon()))
    assert issued["status"] == "ISSUED"
    [held] = shop.get("coupon-api", f"/api/v1/users/{user_id}/coupons").json()["coupons"]
    user_coupon = f"/api/v1/user-coupons/{held['userCouponId']}"

    order_id = shop.place_order(userId=user_id, userCouponId=held["userCouponId"])
    order = shop.get("order-api", f"/api/v1/orders/{order_id}").json()
    coupon = {"userCouponId": held["userCouponId"], "discountAmount": 5000}
    assert (order["totalAmount"], order["coupon"]) == (25000, coupon)
    assert shop.get("coupon-api", user_coupon).json()["reservation"]["orderId"] == order_id

    assert shop.pay(order_id, amount=25000).status_code == 201
    records = read_topic(
        stack.info().kafka.bootstrap_servers,
        "order-completed",
        lambda records: any(record.key == order_id.encode() for record in records),
    )
    (event,) = [json.loads(record.value) for record in records if record.key == order_id.encode()]
    assert (event["totalAmount"], event["coupon"]) == (25000, coupon)

    def stands_as(status: str) -> bool:
        return str(shop.get("coupon-api", user_coupon).json()["status"]) == status

    wait_until(lambda: stands_as("USED"), "the event to use the coupon")
    cancellations = f"/api/v1/orders/{order_id}/cancellations"
    assert shop.post("order-api", cancellations, {"reason": "changed my mind"}).status_code in (201, 202)
    wait_until(lambda: stands_as("ISSUED"), "the cancelled order to give the coupon back", 60)


def test_any_kafka_client_sees_keys_cloudevents_headers_and_json(stack: Stack, shop: ShopClient) -> None:
    order_id = shop.place_order()
    shop.pay(order_id)
    records = read_topic(
        stack.info().kafka.bootstrap_servers,
        "order-completed",
        lambda records: any(record.key == order_id.encode() for record in records),
    )
    (record,) = [record for record in records if record.key == order_id.encode()]
    value, headers = json.loads(record.value), {name: text.decode() for name, text in record.headers}
    assert (value["orderId"], value["totalAmount"], value["currency"]) == (order_id, 30000, "KRW")
    assert headers["ce_id"] == value["eventId"]
    assert (headers["ce_type"], headers["ce_source"]) == ("OrderCompleted", "/order-service")
    assert headers["ce_specversion"] == "1.0"
    assert headers["content-type"] == "application/json"
    assert headers["traceparent"].startswith("00-")
    assert headers["ce_time"].endswith("Z")


def test_topics_are_the_seeds(stack: Stack) -> None:
    admin = KafkaAdminClient(bootstrap_servers=stack.info().kafka.bootstrap_servers)
    try:
        topics = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}
    finally:
        admin.close()
    assert topics["coupon-publish-request"] == 3
    assert topics["order-completed"] == topics["order-cancelled"] == 3


@pytest.mark.parametrize("topic", ["coupon-publish-request", "order-completed"])
def test_malformed_messages_go_aside_and_the_rest_flows(stack: Stack, shop: ShopClient, topic: str) -> None:
    servers = stack.info().kafka.bootstrap_servers
    malformed = [(b"1", b"{"), (b"1", b'{"eventType":"Other","version":1}'), (None, b"{}"), (b"1", None)]
    for partition in range(3):
        produce(servers, topic, malformed, partition)
    dead = read_topic(servers, f"{topic}.dlt", lambda records: len(records) >= 12)
    assert len(dead) == 12
    for record in dead:
        headers = dict(record.headers)
        assert headers["dlt-reason"]
        assert headers["dlt-topic"] == topic.encode()
        assert headers["dlt-offset"].isdigit()
    assert shop.decided(shop.press(1, shop.create_coupon()))["status"] == "ISSUED"
    order_id = shop.place_order()
    shop.pay(order_id)
    shop.effects(order_id)


def test_many_users_at_once_get_exactly_the_stock(shop: ShopClient) -> None:
    coupon_id = shop.create_coupon(totalQuantity=10)
    with ThreadPoolExecutor(20) as pool:
        path = "/api/v1/users/{}/coupons/{}/issue"
        replies = list(
            pool.map(lambda user: shop.post("coupon-api", path.format(user, coupon_id)), range(1, 61))
        )
    accepted = [reply.json()["requestId"] for reply in replies if reply.status_code == 202]
    # Once all are issued, the gate refuses the rest.
    assert {reply.json()["reason"] for reply in replies if reply.status_code != 202} <= {"SOLD_OUT"}
    requests = [shop.decided(request_id) for request_id in accepted]
    issued = [request for request in requests if request["status"] == "ISSUED"]
    assert sorted(request["issueNumber"] for request in issued) == list(range(1, 11))
    assert sorted(request["decisionNumber"] for request in requests) == list(range(1, len(accepted) + 1))


def test_long_body_sent_in_chunks_is_refused_and_stores_nothing(shop: ShopClient) -> None:
    coupon_id = shop.create_coupon()
    reply = httpx.post(
        shop.url("coupon-api") + f"/api/v1/users/1/coupons/{coupon_id}/issue",
        content=iter([b"{}", b" " * 70_000, b"garbage"]),
        headers={"Content-Type": "application/json"},
    )
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (413, "body")
    assert shop.decided(shop.press(1, coupon_id))["decisionNumber"] == 1


def test_every_process_is_ready_and_documents_itself(stack: Stack, shop: ShopClient) -> None:
    assert {status.name: status.state for status in stack.status() if status.state != "ready"} == {}
    for service in ("coupon-api", "order-api", "notification-api", "outbox-relay"):
        assert shop.get(service, "/openapi.json").json()["paths"]
        assert shop.get(service, "/docs").status_code in {200, 302}
        assert b"http_requests_total" in shop.get(service, "/metrics").content


def test_demo_adds_up_and_no_process_logs_an_error(
    stack: Stack, stack_directory: Path, tmp_path: Path
) -> None:
    with DemoProcess(stack_directory, tmp_path, users=150, stock=40, limit=60, seed=5) as demo:
        summary = demo.finish()
    assert_nothing_lost_or_doubled(summary)
    assert summary["stack"]["kind"] == stack.info().kind
    assert summary["coupons"]["issued"] == 40
    assert summary["logErrors"] == 0
