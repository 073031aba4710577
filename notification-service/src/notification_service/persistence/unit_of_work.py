"""One transaction of this service."""

from sqlalchemy import Engine

from notification_service.persistence.analytics import Analytics
from notification_service.persistence.claims import Claims
from notification_service.persistence.completed_orders import CompletedOrders
from notification_service.persistence.deliveries import Deliveries
from notification_service.persistence.tables import inbox
from servicekit.db.unit_of_work import UnitOfWork
from servicekit.inbox.inbox import Inbox


class AcceptanceUnitOfWork(UnitOfWork):
    """For taking over what a consumer group is given."""

    inbox: Inbox
    orders: CompletedOrders
    deliveries: Deliveries

    def __init__(self, engine: Engine, consumer_group: str) -> None:
        super().__init__(engine)
        self._consumer_group = consumer_group

    def opened(self) -> None:
        self.inbox = Inbox(self.connection, inbox, self._consumer_group)
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
