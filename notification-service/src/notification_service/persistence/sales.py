"""The orders that the analytics effect has counted, and their sums."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from notification_service.domain.completed_order import CompletedOrder
from notification_service.domain.daily_sales import DailySales
from notification_service.domain.sales_period import SalesPeriod
from notification_service.persistence.tables import analytics_order, sales_daily


class SqlSales:
    """The sales on a connection whose transaction belongs to the caller.

    Rows are written in the order of their keys, orders before days, so that processes that count at the same
    time never deadlock.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_orders(self, orders: Sequence[CompletedOrder]) -> set[UUID]:
        rows = [
            {
                "order_id": order.order_id,
                "event_id": order.event_id,
                "user_id": order.user_id,
                "currency": order.currency,
                "total_amount": order.total_amount,
                "item_count": order.item_count,
                "completed_at": order.completed_at,
            }
            for order in sorted(orders, key=lambda order: order.order_id)
        ]
        statement = insert(analytics_order).on_conflict_do_nothing().returning(analytics_order.c.order_id)
        return set(self._connection.execute(statement, rows).scalars())

    def add_sales(self, sales: Sequence[DailySales]) -> None:
        if not sales:
            return
        statement = insert(sales_daily)
        statement = statement.on_conflict_do_update(
            index_elements=[sales_daily.c.business_day, sales_daily.c.currency],
            # Added in the database: a sum that is read first would lose what another process adds.
            set_={
                "orders": sales_daily.c.orders + statement.excluded.orders,
                "items": sales_daily.c["items"] + statement.excluded["items"],
                "amount": sales_daily.c.amount + statement.excluded.amount,
            },
        )
        self._connection.execute(
            statement,
            [
                {
                    "business_day": sale.day,
                    "currency": sale.currency,
                    "orders": sale.orders,
                    "items": sale.items,
                    "amount": sale.amount,
                }
                for sale in sales
            ],
        )

    def in_period(self, period: SalesPeriod) -> list[DailySales]:
        rows = self._connection.execute(
            select(sales_daily, sales_daily.c["items"].label("pieces"))
            .where(sales_daily.c.business_day.between(period.first, period.last))
            .order_by(sales_daily.c.business_day, sales_daily.c.currency)
        )
        return [
            DailySales(
                day=row.business_day,
                currency=row.currency,
                orders=row.orders,
                items=int(row.pieces),
                amount=int(row.amount),
            )
            for row in rows
        ]
