"""How a user's coupon may end: used by the order that is paid, and free otherwise."""

from collections import Counter
from collections.abc import Iterator

from tests.chaos.payments.behaviour import Behaviour
from tests.chaos.payments.cancellations import Cancellations
from tests.chaos.payments.world import ANOTHER_ORDER_ID, DISCOUNT, World

# A reservation whose time is over has ended, whether that is stored or not.
_HELD = """
SELECT order_id::text,
    CASE WHEN status = 'RESERVED' AND reserved_until <= clock_timestamp() THEN 'ISSUED' ELSE status END
        AS status
FROM user_coupon
"""
_CHANGES = "SELECT kind, order_id::text FROM user_coupon_change ORDER BY change_number"
_DIFFERENCES = "SELECT order_id::text, reason FROM order_difference WHERE settled_at IS NULL"
_RELEASES = "SELECT order_id::text, attempts FROM coupon_release"
_ORDERS = """
SELECT order_id::text, status, total_amount, discount_amount, sum(unit_price * quantity)::bigint AS gross
FROM orders JOIN order_item USING (order_id) GROUP BY order_id
"""


def wrong_coupons(world: World, cancelled: Cancellations, behaviour: Behaviour) -> Iterator[str]:
    """Once nothing is left to do, and no time has come at which a reservation ends by itself."""
    orders = world.query(_ORDERS)
    for order in orders:
        if (order["total_amount"], order["discount_amount"]) != (order["gross"] - DISCOUNT, DISCOUNT):
            yield f"the order has not its coupon's discount: {order}"
    for release in world.query(_RELEASES):
        yield f"a release is left: {release}"
    paid = [
        order["order_id"] for order in orders if order["status"] == "COMPLETED" and not cancelled.is_whole
    ]
    [held] = world.coupons.query(_HELD)
    differences = [each["order_id"] for each in world.coupons.query(_DIFFERENCES)]
    user = held["order_id"] if held["status"] == "USED" else None
    if held["status"] not in ("ISSUED", "USED"):
        yield f"the coupon is left {held['status']}"
    if user not in _may_use(paid, behaviour):
        yield f"the coupon is used by {user}, and paid is {paid}"
    # Of a paid order that others left no coupon, an operator is to know; and of nothing else.
    if differences != [order_id for order_id in paid if user != order_id]:
        yield f"reported are {differences}, paid is {paid}, the coupon is used by {user}"
    yield from _wrong_changes(world)


def _may_use(paid: list[str], behaviour: Behaviour) -> set[str | None]:
    free: set[str | None] = {ANOTHER_ORDER_ID} if behaviour.another_order else set()
    return free.union(paid) if paid else free or {None}


def _wrong_changes(world: World) -> Iterator[str]:
    changes = [(each["kind"], each["order_id"]) for each in world.coupons.query(_CHANGES)]
    for (kind, order_id), times in Counter(changes).items():
        if times > 1:
            yield f"{kind} {times} times by {order_id}"
    uses = [order_id for kind, order_id in changes if kind == "USED"]
    if len(uses) > 1:
        yield f"used by {uses}"
