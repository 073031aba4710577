"""The transaction of a use case."""

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from coupon_service.application.ports.coupons import (
    CouponCounters,
    CouponRequests,
    Coupons,
    Lines,
    UserCoupons,
)
from coupon_service.application.ports.messages import IdempotencyKeys, Inbox, Outbox
from coupon_service.application.ports.orders import CouponOrders, OrderDifferences


class UnitOfWork(Protocol):
    """One transaction, rolled back unless :meth:`commit` is called."""

    @property
    def coupons(self) -> Coupons: ...

    @property
    def coupon_counters(self) -> CouponCounters: ...

    @property
    def coupon_requests(self) -> CouponRequests: ...

    @property
    def user_coupons(self) -> UserCoupons: ...

    @property
    def coupon_orders(self) -> CouponOrders: ...

    @property
    def order_differences(self) -> OrderDifferences: ...

    @property
    def lines(self) -> Lines: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def inbox(self) -> Inbox: ...

    @property
    def idempotency_keys(self) -> IdempotencyKeys: ...

    def now(self) -> datetime:
        """The database's clock, which all hosts share."""
        ...

    def commit(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


UnitOfWorkFactory = Callable[[], UnitOfWork]
