"""Reading the orders of a user."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from order_service.application.ports import UnitOfWorkFactory
from order_service.application.read_order import OrderView


@dataclass(frozen=True, slots=True)
class UserOrdersPage:
    """Newest first; ``next_before`` asks for the next page and is None on the last."""

    orders: Sequence[OrderView]
    next_before: UUID | None


class ReadUserOrders:
    """Lists a user's orders by pages."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, user_id: int, limit: int, before: UUID | None) -> UserOrdersPage:
        """At most ``limit``, of those older than the order ``before``.

        Raises :class:`~order_service.domain.errors.UnknownPage`.
        """
        with self._unit_of_work() as unit_of_work:
            # One more than asked for: a full last page has no next one.
            found = unit_of_work.orders.of_user(user_id, limit + 1, before)
            page = found[:limit]
            order_ids = [order.order_id for order in page]
            payments = unit_of_work.payments.latest_of(order_ids)
            cancellations = unit_of_work.cancellations.of_orders(order_ids)
        views = [
            OrderView(order, payments.get(order.order_id), cancellations.get(order.order_id, ()))
            for order in page
        ]
        return UserOrdersPage(views, next_before=page[-1].order_id if len(found) > limit else None)
