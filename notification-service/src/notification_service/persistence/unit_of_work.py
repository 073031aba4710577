"""One transaction of this service."""

from notification_service.persistence.analytics import Analytics
from notification_service.persistence.claims import Claims
from notification_service.persistence.completed_orders import CompletedOrders
from notification_service.persistence.deliveries import Deliveries
from notification_service.persistence.tables import inbox
from servicekit.db.unit_of_work import UnitOfWork
from servicekit.inbox import Inbox

CONSUMER_GROUP = "order-consumer-group"


class AcceptanceUnitOfWork(UnitOfWork):
    """For taking over events."""

    inbox: Inbox
    orders: CompletedOrders
    deliveries: Deliveries

    def opened(self) -> None:
        self.inbox = Inbox(self.connection, inbox, CONSUMER_GROUP)
        self.orders = CompletedOrders(self.connection)
        self.deliveries = Deliveries(self.connection)


class ClaimUnitOfWork(UnitOfWork):
    """For deliveries to the outside."""

    deliveries: Claims

    def opened(self) -> None:
        self.deliveries = Claims(self.connection)


class AnalyticsUnitOfWork(UnitOfWork):
    """For counting, and for reading what was counted and delivered."""

    deliveries: Deliveries
    analytics: Analytics

    def opened(self) -> None:
        self.deliveries = Deliveries(self.connection)
        self.analytics = Analytics(self.connection)
