"""A trace begun by a client goes through HTTP, outbox, relay and Kafka into the consumer's span."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from devstack.abstract_stack import Stack
from devstack.embedded_stack import EmbeddedStack
from devstack.ports import Ports
from devstack.services import SHOP
from tests.support.otlp_collector import CollectedSpan, Collector, a_collector
from tests.support.shop import ShopClient
from tests.support.waiting import wait_until

PARENT = "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with a_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def stack(collector: Collector, server_directory: Path) -> Iterator[Stack]:
    exporter = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    services = tuple(
        replace(service, environment={**service.environment, **exporter}) for service in SHOP.services
    )
    stack = EmbeddedStack(
        server_directory / "traced-stack",
        ports=Ports.free(),
        durable=False,
        deployment=replace(SHOP, services=services),
    )
    stack.up()
    yield stack
    stack.clean()


@pytest.fixture
def shop(stack: Stack) -> Iterator[ShopClient]:
    with closing(ShopClient(stack.info())) as client:
        yield client


def _spans_of(collector: Collector, trace_id: str, *services: str) -> dict[str, CollectedSpan]:
    def complete() -> dict[str, CollectedSpan]:
        spans = {span.service: span for span in collector.trace(trace_id)}
        return spans if set(services) <= spans.keys() else {}

    return wait_until(complete, f"spans of {', '.join(services)}")


def test_a_coupons_trace_reaches_the_worker(shop: ShopClient, collector: Collector) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    coupon_id = shop.create_coupon()
    path = f"/api/v1/users/1/coupons/{coupon_id}/issue"

    accepted = shop.post("coupon-api", path, traceparent=f"00-{trace_id}-{PARENT}-01")

    assert shop.decided(accepted.json()["requestId"])["status"] == "ISSUED"
    spans = _spans_of(collector, trace_id, "coupon-service", "coupon-worker")
    assert spans["coupon-service"].parent_id == PARENT
    assert spans["coupon-worker"].parent_id == spans["coupon-service"].span_id
    assert spans["coupon-worker"].name == "process coupon-publish-request"


def test_an_orders_trace_reaches_the_consumer(shop: ShopClient, collector: Collector) -> None:
    trace_id = "5bf92f3577b34da6a3ce929d0e0e4736"
    order_id = shop.place_order()
    payment = {"method": "CARD", "paymentKey": f"card-{order_id}", "amount": 30000}
    headers = {"Idempotency-Key": f"pay-{order_id}", "traceparent": f"00-{trace_id}-{PARENT}-01"}

    paid = shop.post("order-api", f"/api/v1/orders/{order_id}/payments", payment, **headers)

    assert paid.status_code == 201, paid.text
    spans = _spans_of(collector, trace_id, "order-service", "notification-consumer")
    assert spans["order-service"].parent_id == PARENT
    assert spans["notification-consumer"].parent_id == spans["order-service"].span_id
