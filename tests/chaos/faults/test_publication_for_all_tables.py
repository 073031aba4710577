"""Debezium's default, warehouse loaders and blue/green upgrades publish every table."""

from tests.chaos.faults.conftest import Seen
from tests.support.controlled_stack import ControlledStack
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases


def test_events_are_published_and_decided_meanwhile(
    stack: ControlledStack, shop: ShopClient, databases: StackDatabases, seen: Seen
) -> None:
    """CREATE PUBLICATION … FOR ALL TABLES on every database of the shop."""
    for database in ("coupon", "order", "notification"):
        stack.administer(database, "CREATE PUBLICATION everything FOR ALL TABLES")
    try:
        coupon_id, order_id = shop.create_coupon(), shop.place_order()
        assert shop.decided(shop.press(1, coupon_id))["status"] == "ISSUED"
        assert shop.pay(order_id, "published-for-all").status_code == 201
        shop.effects(order_id)
        reply = shop.get("outbox-relay", "/readyz")
    finally:
        for database in ("coupon", "order", "notification"):
            stack.administer(database, "DROP PUBLICATION everything")
    seen.operators.append(f"/readyz of the relay {reply.status_code}")
    seen.data.append("a press decided, an order's effects delivered")
    assert reply.status_code == 200
