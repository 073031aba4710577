"""A database is restored from a backup, as the runbook says."""

import time
from functools import partial
from pathlib import Path

import pytest

from notification_service.domain.delivery import FRESH_SECONDS
from tests.chaos.faults.conftest import Seen
from tests.support.backup import back_up, restore
from tests.support.controlled_stack import ControlledStack
from tests.support.external_services import ExternalServices
from tests.support.log_tail import LogTail
from tests.support.runbook import says
from tests.support.shop import ShopClient
from tests.support.waiting import wait_until

CONSUMERS = [f"notification-consumer-{number}" for number in (1, 2, 3)]
ORDERS = 10
PAGE = "A database was restored"


@pytest.mark.long
@pytest.mark.usefixtures("ended_stack")
def test_effects_come_back_and_no_message_is_sent_twice(
    stack: ControlledStack,
    shop: ShopClient,
    external_services: ExternalServices,
    tmp_path: Path,
    seen: Seen,
) -> None:
    """The notification database is restored to before half of the orders."""
    # Consumers are stopped for the restore, for more than a minute.
    seen.alerts = {"ConsumerOffsetSurprise", "ProcessUnreachable"}
    seen.too_brief = {"ConsumerLagging"}
    url = stack.info().postgresql.databases["notification"]
    logs = [LogTail(stack.collect_logs() / f"{name}.log") for name in CONSUMERS]
    former = completed(shop)
    back_up(url, tmp_path / "backup")
    lost = completed(shop)
    sent = external_services.messages()
    assert says(PAGE, "stop its consumers before the restore and start them a minute after it")

    ordered = time.monotonic()
    for name in CONSUMERS:
        stack.stop(name)
    stack.empty_database("notification")
    restore(url, tmp_path / "backup")
    # A minute after the restore as the page says, or after the last order: that comes sooner.
    wait_until(lambda: time.monotonic() - ordered > FRESH_SECONDS, "the orders to be a minute old", 90)
    forgotten = [order for order in lost if not effects(shop, order)]
    for name in CONSUMERS:
        stack.start(name, until_ready=False)
    for order in [*former, *lost]:
        shop.effects(order, timeout_seconds=120)

    assert forgotten == lost
    assert external_services.messages() == sent
    reasons = {entry["reason"] for log in logs for entry in log.events("offset_surprise")}
    assert reasons == {"database_went_back"}
    assert says(PAGE, "and show `database_went_back`")
    # Its effects may all be another one's before a slow one answers.
    shown = [wait_until(partial(shop.get, name, "/readyz"), f"{name} to answer").text for name in CONSUMERS]
    assert any("database_went_back" in text for text in shown)
    seen.operators += ["offset_surprise: database_went_back, also in /readyz"]
    seen.data += [f"{ORDERS} orders' effects were gone and came back", "no customer got a second message"]


@pytest.mark.long
@pytest.mark.usefixtures("ended_stack")
def test_orders_go_on_after_a_restore_and_effects_of_lost_ones_stay(
    stack: ControlledStack, shop: ShopClient, tmp_path: Path, seen: Seen
) -> None:
    """The order database is restored, in the same cluster, to before half of the orders."""
    # The processes that use it are stopped for the restore.
    seen.too_brief = {"ProcessUnreachable", "OutboxWithoutLeader"}
    url = stack.info().postgresql.databases["order"]
    former = completed(shop)
    back_up(url, tmp_path / "backup")
    lost = completed(shop)
    users = ["order-api", "order-worker", "outbox-relay"]
    for name in users:
        stack.stop(name)
    stack.empty_database("order")
    restore(url, tmp_path / "backup")
    for name in users:
        stack.start(name)
    new = completed(shop)

    found = {
        order: shop.get("order-api", f"/api/v1/orders/{order}").status_code
        for order in [*former, *lost, *new]
    }
    assert found == dict.fromkeys([*former, *new], 200) | dict.fromkeys(lost, 404)
    assert says(PAGE, "consumers that have applied them keep their effects")
    assert all(effects(shop, order) for order in lost)
    seen.data += [f"{ORDERS} orders are gone, their effects stay", "new orders have their effects"]


def completed(shop: ShopClient) -> list[str]:
    """Paid orders whose effects have been delivered."""
    orders = [shop.place_order() for _ in range(ORDERS)]
    for order in orders:
        assert shop.pay(order).status_code == 201
    for order in orders:
        shop.effects(order)
    return orders


def effects(shop: ShopClient, order_id: str) -> list[object]:
    reply = shop.get("notification-api", f"/api/v1/notifications?orderId={order_id}")
    return list(reply.json().get("effects", []))
