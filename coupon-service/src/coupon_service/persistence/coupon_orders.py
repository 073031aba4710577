"""Orders that carry a user's coupon."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from coupon_service.domain.coupon_order import CancelledOrder, PaidOrder
from servicekit.db.arrays import hex_array

# A second writer of an order waits for the first, and sees what that has stored: payment and cancellation
# come by two topics, and in any order.
_COMPLETE = text("""
    INSERT INTO coupon_order AS known
           (order_id, user_id, user_coupon_id, currency, discount_amount, paid_amount, completed_at)
    SELECT * FROM unnest(CAST(:order_ids AS uuid[]), CAST(:user_ids AS bigint[]),
                         CAST(:user_coupon_ids AS bigint[]), CAST(:currencies AS text[]),
                         CAST(:discount_amounts AS bigint[]), CAST(:paid_amounts AS bigint[]),
                         CAST(:times AS timestamptz[]))
           AS new (order_id) ORDER BY order_id
    ON CONFLICT (order_id) DO UPDATE
       SET discount_amount = coalesce(known.discount_amount, excluded.discount_amount),
           paid_amount = coalesce(known.paid_amount, excluded.paid_amount),
           completed_at = coalesce(known.completed_at, excluded.completed_at)
     WHERE (known.user_id, known.user_coupon_id) = (excluded.user_id, excluded.user_coupon_id)
    RETURNING order_id, cancelled_at IS NOT NULL AS is_cancelled
""")
_CANCEL = text("""
    INSERT INTO coupon_order AS known (order_id, user_id, user_coupon_id, currency, cancelled_at)
    SELECT * FROM unnest(CAST(:order_ids AS uuid[]), CAST(:user_ids AS bigint[]),
                         CAST(:user_coupon_ids AS bigint[]), CAST(:currencies AS text[]),
                         CAST(:times AS timestamptz[]))
           AS new (order_id) ORDER BY order_id
    ON CONFLICT (order_id) DO UPDATE SET cancelled_at = coalesce(known.cancelled_at, excluded.cancelled_at)
     WHERE (known.user_id, known.user_coupon_id) = (excluded.user_id, excluded.user_coupon_id)
    RETURNING order_id
""")


class SqlCouponOrders:
    """The orders on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def complete(self, orders: Sequence[PaidOrder]) -> dict[UUID, bool]:
        if not orders:
            return {}
        values = _columns(orders) | {
            "discount_amounts": [order.discount_amount for order in orders],
            "paid_amounts": [order.paid_amount for order in orders],
            "times": [order.completed_at for order in orders],
        }
        return {row.order_id: row.is_cancelled for row in self._connection.execute(_COMPLETE, values)}

    def cancel(self, orders: Sequence[CancelledOrder]) -> set[UUID]:
        if not orders:
            return set()
        values = _columns(orders) | {"times": [order.cancelled_at for order in orders]}
        return set(self._connection.execute(_CANCEL, values).scalars())


def _columns(orders: Sequence[PaidOrder | CancelledOrder]) -> dict[str, object]:
    return {
        "order_ids": hex_array(order.order_id for order in orders),
        "user_ids": [order.user_id for order in orders],
        "user_coupon_ids": [order.user_coupon_id for order in orders],
        "currencies": [order.currency for order in orders],
    }
