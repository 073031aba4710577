"""One transaction on the notification database."""

from sqlalchemy import Engine

from notification_service.persistence.alert_notices import SqlAlertNotices
from notification_service.persistence.alerts import SqlAlerts
from notification_service.persistence.analytics import SqlAnalytics
from notification_service.persistence.attempts import SqlAttempts
from notification_service.persistence.cancelled_sales import SqlCancelledSales
from notification_service.persistence.claims import SqlClaims
from notification_service.persistence.customers import SqlCustomers
from notification_service.persistence.delays import SqlDelays
from notification_service.persistence.deliveries import SqlDeliveries
from notification_service.persistence.figures import SqlFigures
from notification_service.persistence.order_events import SqlOrderEvents
from notification_service.persistence.personal_data import SqlPersonalData
from notification_service.persistence.providers import SqlProviders
from notification_service.persistence.results import SqlResults
from notification_service.persistence.sales import SqlSales
from notification_service.persistence.tables import idempotency_key, inbox
from servicekit.db.unit_of_work import UnitOfWork
from servicekit.idempotency.keys import IdempotencyKeys
from servicekit.inbox.inbox import Inbox


class NotificationUnitOfWork(UnitOfWork):
    """Everything that may change together. ``consumer_group`` owns the inbox's events."""

    inbox: Inbox
    order_events: SqlOrderEvents
    deliveries: SqlDeliveries
    claims: SqlClaims
    attempts: SqlAttempts
    results: SqlResults
    providers: SqlProviders
    sales: SqlSales
    cancelled_sales: SqlCancelledSales
    customers: SqlCustomers
    delays: SqlDelays
    analytics: SqlAnalytics
    figures: SqlFigures
    personal_data: SqlPersonalData
    idempotency_keys: IdempotencyKeys
    alerts: SqlAlerts
    alert_notices: SqlAlertNotices

    def __init__(self, engine: Engine, consumer_group: str) -> None:
        super().__init__(engine)
        self._consumer_group = consumer_group

    def opened(self) -> None:
        self.inbox = Inbox(self.connection, inbox, self._consumer_group)
        self.order_events = SqlOrderEvents(self.connection)
        self.deliveries = SqlDeliveries(self.connection)
        self.claims = SqlClaims(self.connection)
        self.attempts = SqlAttempts(self.connection)
        self.results = SqlResults(self.connection)
        self.providers = SqlProviders(self.connection)
        self.sales = SqlSales(self.connection)
        self.cancelled_sales = SqlCancelledSales(self.connection)
        self.customers = SqlCustomers(self.connection)
        self.delays = SqlDelays(self.connection)
        self.analytics = SqlAnalytics(self.connection)
        self.figures = SqlFigures(self.connection)
        self.personal_data = SqlPersonalData(self.connection)
        self.idempotency_keys = IdempotencyKeys(self.connection, idempotency_key)
        self.alerts = SqlAlerts(self.connection)
        self.alert_notices = SqlAlertNotices(self.connection)


class NotificationSnapshot(NotificationUnitOfWork):
    """For reading only: all queries see the same moment, so that the parts of a report agree."""

    def opened(self) -> None:
        # READ COMMITTED would give each query a snapshot of its own.
        self.connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        super().opened()
