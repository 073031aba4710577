"""The services' databases, as their migrations make them."""

from coupon_service.migrations import SCHEMA as COUPON_SCHEMA
from order_service.migrations import SCHEMA as ORDER_SCHEMA
from servicekit.db.migrations import upgrade
from tests.support.databases import RELAY_ROLE


def migrate_coupons(database_url: str) -> None:
    """Make coupon-service's tables in an empty database."""
    upgrade(database_url, COUPON_SCHEMA, {"outbox_relay_role": RELAY_ROLE})


def migrate_orders(database_url: str) -> None:
    """Make order-service's tables in an empty database."""
    upgrade(database_url, ORDER_SCHEMA, {"outbox_relay_role": RELAY_ROLE})
