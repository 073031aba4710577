"""A managed database refuses to write for a while: its disk is full, or it fails over."""

from typing import Any

import pytest

from tests.chaos.faults.conftest import Seen, fail_until_alerted
from tests.support.controlled_stack import ControlledStack
from tests.support.log_tail import LogTail
from tests.support.operated_stack import OperatedStack
from tests.support.prometheus import Prometheus
from tests.support.shop import ORDER, ShopClient
from tests.support.stack_databases import StackDatabases
from tests.support.waiting import wait_until

ORDERS = 50
CONSUMERS = {
    "coupon": ["coupon-worker"],
    "notification": [f"notification-consumer-{number}" for number in (1, 2, 3)],
}


def pids(stack: ControlledStack | OperatedStack) -> dict[str, int | None]:
    return {name: service.pid for name, service in stack.info().services.items()}


def postponements(stack: ControlledStack | OperatedStack, tails: list[LogTail]) -> list[dict[str, Any]]:
    # Containers' logs are copied.
    stack.collect_logs()
    return [line for tail in tails for line in tail.events("batch_postponed")]


@pytest.mark.containers
def test_orders_are_refused_with_503_and_accepted_right_after_the_cure(
    shop: ShopClient, databases: StackDatabases, prometheus: Prometheus | None, seen: Seen
) -> None:
    """The order database becomes read-only, and writable again."""
    seen.alerts = {"ServerErrors"}
    with databases.read_only("order"):
        during = [shop.post("order-api", "/api/v1/orders", ORDER) for _ in range(ORDERS)]
        fail_until_alerted(prometheus, lambda: shop.post("order-api", "/api/v1/orders", ORDER))
    after = [shop.post("order-api", "/api/v1/orders", ORDER) for _ in range(ORDERS)]

    waits = {reply.headers.get("Retry-After") for reply in during if reply.status_code == 503}
    seen.clients += [
        f"{reply.status_code} {reply.headers.get('Retry-After')}" for reply in (during[0], after[0])
    ]
    assert [reply.status_code for reply in during] == [503] * ORDERS
    assert None not in waits
    # Otherwise all clients come back in the same second.
    assert len(waits) > 1
    assert [reply.status_code for reply in after] == [201] * ORDERS


# In containers the frozen relays would have to lead again, for which they write to the coupon database.
@pytest.mark.parametrize("database", ["coupon", pytest.param("notification", marks=pytest.mark.containers)])
def test_consumers_wait_for_a_database_that_refuses_to_write(
    stack: ControlledStack | OperatedStack,
    shop: ShopClient,
    databases: StackDatabases,
    seen: Seen,
    database: str,
) -> None:
    """The database of a consumer becomes read-only while records wait, and writable again."""
    # It is over before anybody is needed. Else ConsumerStuck would call, as for a bad record.
    seen.too_brief = {"ProcessUnreachable", "RelayFailing", "OutboxWithoutLeader", "OutboxLagging"}
    before = pids(stack)
    logs = stack.collect_logs()
    coupon_id = shop.create_coupon(totalQuantity=100)
    order_id = shop.place_order()
    stack.pause("outbox-relay")
    try:
        requests = [shop.press(user_id, coupon_id) for user_id in range(1, 11)]
        assert shop.pay(order_id).status_code == 201
        tails = [LogTail(logs / f"{name}.log") for name in CONSUMERS[database]]
        with databases.read_only(database):
            stack.resume("outbox-relay")
            postponed = wait_until(lambda: postponements(stack, tails), "a consumer to say that it waits")
    finally:
        stack.resume("outbox-relay")
    seen.operators.append(f"batch_postponed: {postponed[0]['reason']}")
    decided = [shop.decided(request_id, timeout_seconds=60) for request_id in requests]

    assert [request["decisionNumber"] for request in decided] == list(range(1, 11))
    shop.effects(order_id, timeout_seconds=60)
    assert pids(stack) == before
    seen.data.append("all presses decided in order, all effects once")
