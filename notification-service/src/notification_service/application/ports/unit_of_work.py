"""One transaction, and what can be reached in it."""

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from notification_service.application.ports.acceptance import IdempotencyKeys, Inbox, OrderEvents
from notification_service.application.ports.alerts import AlertNotices, Alerts
from notification_service.application.ports.analytics import (
    Analytics,
    CancelledSales,
    Customers,
    Delays,
    Figures,
    Sales,
)
from notification_service.application.ports.deliveries import Attempts, Claims, Deliveries
from notification_service.application.ports.personal_data import PersonalData
from notification_service.application.ports.providers import Providers
from notification_service.application.ports.results import Results


class UnitOfWork(Protocol):
    """One transaction, rolled back unless :meth:`commit` is called."""

    @property
    def inbox(self) -> Inbox: ...

    @property
    def order_events(self) -> OrderEvents: ...

    @property
    def deliveries(self) -> Deliveries: ...

    @property
    def claims(self) -> Claims: ...

    @property
    def attempts(self) -> Attempts: ...

    @property
    def results(self) -> Results: ...

    @property
    def providers(self) -> Providers: ...

    @property
    def analytics(self) -> Analytics: ...

    @property
    def sales(self) -> Sales: ...

    @property
    def cancelled_sales(self) -> CancelledSales: ...

    @property
    def customers(self) -> Customers: ...

    @property
    def delays(self) -> Delays: ...

    @property
    def figures(self) -> Figures: ...

    @property
    def personal_data(self) -> PersonalData: ...

    @property
    def idempotency_keys(self) -> IdempotencyKeys: ...

    @property
    def alerts(self) -> Alerts: ...

    @property
    def alert_notices(self) -> AlertNotices: ...

    def now(self) -> datetime:
        """The database's clock, which all hosts share."""
        ...

    def commit(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


UnitOfWorkFactory = Callable[[], UnitOfWork]
