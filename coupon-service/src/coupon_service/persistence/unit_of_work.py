"""One transaction on the coupon database."""

from sqlalchemy import Engine

from coupon_service.persistence.coupon_counters import SqlCouponCounters
from coupon_service.persistence.coupon_orders import SqlCouponOrders
from coupon_service.persistence.coupon_requests import SqlCouponRequests
from coupon_service.persistence.coupons import SqlCoupons
from coupon_service.persistence.lines import SqlLines
from coupon_service.persistence.order_differences import SqlOrderDifferences
from coupon_service.persistence.tables import idempotency_key, inbox, outbox
from coupon_service.persistence.user_coupons import SqlUserCoupons
from servicekit.db.unit_of_work import UnitOfWork
from servicekit.idempotency.keys import IdempotencyKeys
from servicekit.inbox.inbox import Inbox
from servicekit.outbox.writer import OutboxWriter

EVENT_SOURCE = "/coupon-service"


class CouponUnitOfWork(UnitOfWork):
    """Everything that may change together."""

    coupons: SqlCoupons
    coupon_counters: SqlCouponCounters
    coupon_requests: SqlCouponRequests
    user_coupons: SqlUserCoupons
    coupon_orders: SqlCouponOrders
    order_differences: SqlOrderDifferences
    lines: SqlLines
    outbox: OutboxWriter
    inbox: Inbox
    idempotency_keys: IdempotencyKeys

    def __init__(self, engine: Engine, consumer_group: str) -> None:
        """``consumer_group`` owns the inbox: what another group has applied is new to this one."""
        super().__init__(engine)
        self._consumer_group = consumer_group

    def opened(self) -> None:
        self.coupons = SqlCoupons(self.connection)
        self.coupon_counters = SqlCouponCounters(self.connection)
        self.coupon_requests = SqlCouponRequests(self.connection)
        self.user_coupons = SqlUserCoupons(self.connection)
        self.coupon_orders = SqlCouponOrders(self.connection)
        self.order_differences = SqlOrderDifferences(self.connection)
        self.lines = SqlLines(self.connection)
        self.outbox = OutboxWriter(self.connection, outbox, EVENT_SOURCE)
        self.inbox = Inbox(self.connection, inbox, self._consumer_group)
        self.idempotency_keys = IdempotencyKeys(self.connection, idempotency_key)
