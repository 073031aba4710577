"""Transactions with everything that a use case may reach."""

from sqlalchemy import Engine, text

from coupon_service.persistence.coupon_requests import PostgresCouponRequests
from coupon_service.persistence.coupons import PostgresCoupons
from coupon_service.persistence.tables import idempotency_key, inbox, outbox
from coupon_service.persistence.user_coupons import PostgresUserCoupons
from servicekit.db.unit_of_work import UnitOfWork
from servicekit.idempotency.keys import IdempotencyKeys
from servicekit.inbox.inbox import Inbox
from servicekit.outbox.writer import OutboxWriter

SOURCE = "/coupon-service"
CONSUMER_GROUP = "coupon-consumer-group"


class CouponTransaction(UnitOfWork):
    """Requests, coupons and the outbox on one connection: what is written together stands together."""

    coupons: PostgresCoupons
    requests: PostgresCouponRequests
    user_coupons: PostgresUserCoupons
    outbox: OutboxWriter
    inbox: Inbox
    idempotency_keys: IdempotencyKeys

    def opened(self) -> None:
        self.coupons = PostgresCoupons(self.connection)
        self.requests = PostgresCouponRequests(self.connection)
        self.user_coupons = PostgresUserCoupons(self.connection)
        self.outbox = OutboxWriter(self.connection, outbox, SOURCE)
        self.inbox = Inbox(self.connection, inbox, CONSUMER_GROUP)
        self.idempotency_keys = IdempotencyKeys(self.connection, idempotency_key)


class CouponDatabase:
    """The service's own database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self) -> CouponTransaction:
        return CouponTransaction(self._engine)

    def check(self) -> None:
        """For readiness: raises unless the database answers and has our tables."""
        with self._engine.connect() as connection:
            connection.execute(text("SELECT 1 FROM coupon LIMIT 1"))
