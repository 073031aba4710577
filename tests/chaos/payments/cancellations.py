"""How the cancellations of a paid order may end: money, stock, order and events as one."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.chaos.payments.behaviour import Behaviour
from tests.chaos.payments.database import Row
from tests.chaos.payments.world import PRODUCT_ID, World

_CANCELLATIONS = """
SELECT cancellation_id::text, cancellation.amount, cancellation.cancelled_at IS NOT NULL AS is_ended,
    refund.status AS refund_status, sum(cancelled.quantity * unit_price)::bigint AS price,
    coalesce(sum(cancelled.quantity) FILTER (WHERE product_id = %s), 0)::int AS pieces
FROM cancellation
    JOIN cancellation_item AS cancelled USING (cancellation_id)
    JOIN order_item AS item
        ON (item.order_id, item.line_number) = (cancelled.order_id, cancelled.line_number)
    LEFT JOIN refund ON refund.refund_id = cancellation.refund_id
GROUP BY cancellation_id, refund.refund_id ORDER BY cancellation.requested_at
"""
_ORDERS = """
SELECT total_amount, cancelled_at IS NOT NULL AS is_cancelled, sum(unit_price * quantity)::bigint AS gross
FROM orders JOIN order_item USING (order_id) GROUP BY order_id
"""
_EVENTS = """
SELECT payload ->> 'cancellationId' AS cancellation_id, (payload ->> 'cancelledAmount')::bigint AS amount,
    (payload ->> 'remainingAmount')::bigint AS remaining, (payload ->> 'isWhole')::boolean AS is_whole
FROM outbox WHERE type = 'OrderCancelled' AND topic = 'order-cancelled' ORDER BY created_at, id
"""


@dataclass(frozen=True)
class Cancellations:
    """What they come to in all: money that was returned, and pieces of the product of the catalogue."""

    amount: int
    pieces: int
    is_whole: bool

    @property
    def ending(self) -> str | None:
        if self.is_whole:
            return "cancelled"
        return "cancelled in part" if self.amount else None


def cancellations_of(world: World) -> Cancellations:
    ended = [each for each in world.query(_CANCELLATIONS, PRODUCT_ID) if each["is_ended"]]
    orders = world.query(_ORDERS)
    price = sum(each["price"] for each in ended)
    return Cancellations(
        sum(each["amount"] for each in ended),
        sum(each["pieces"] for each in ended),
        is_whole=bool(ended) and price == orders[0]["gross"],
    )


def wrong_cancellations(world: World, behaviour: Behaviour) -> Iterator[str]:
    every = world.query(_CANCELLATIONS, PRODUCT_ID)
    ended = [each for each in every if each["is_ended"]]
    for left in every:
        is_refused = behaviour.refuses_refunds and left["refund_status"] == "REFUSED"
        if not left["is_ended"] and not is_refused:
            yield f"a cancellation is left: {left}"
    for order in world.query(_ORDERS):
        events = [dict(each) for each in world.query(_EVENTS)]
        if events != list(_events(order, ended)):
            yield f"{len(events)} events of {len(ended)} cancellations: {events}, {ended}"
        is_whole = bool(ended) and sum(each["price"] for each in ended) == order["gross"]
        if order["is_cancelled"] != is_whole:
            yield f"the order's state is another than that of its pieces: {order}, {ended}"


def _events(order: Row, ended: list[Row]) -> Iterator[Row]:
    """One for each, with its share of what was paid: of all shares so far, rounded down."""
    price = returned = 0
    for each in ended:
        price += each["price"]
        amount = order["total_amount"] * price // order["gross"] - returned
        returned += amount
        yield {
            "cancellation_id": each["cancellation_id"],
            "amount": amount,
            "remaining": order["total_amount"] - returned,
            "is_whole": price == order["gross"],
        }
