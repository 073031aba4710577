"""What the use cases need of the database, of external services and of the process that runs them.

One file for each subject. Others import from here, as from the one file that other services have.
"""

from notification_service.application.ports.acceptance import IdempotencyKeys, Inbox, OrderEvents
from notification_service.application.ports.alerts import AlertNotices, AlertReceiver, Alerts
from notification_service.application.ports.alimtalk import (
    AlimtalkProvider,
    MessageBatches,
    Sent,
    TemplateRegister,
    WebhookParser,
)
from notification_service.application.ports.analytics import (
    Analytics,
    CancelledSales,
    Customers,
    Delays,
    Figures,
    Sales,
)
from notification_service.application.ports.couriers import CheckDelivery, Courier, MaySend
from notification_service.application.ports.deliveries import Attempts, Claims, Deliveries
from notification_service.application.ports.gates import Admission, Gate, Slots
from notification_service.application.ports.personal_data import PersonalData
from notification_service.application.ports.providers import Providers
from notification_service.application.ports.results import Results
from notification_service.application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from notification_service.application.ports.work import DeliveryWork, StopCheck, WorkDone

__all__ = [
    "Admission",
    "AlertNotices",
    "AlertReceiver",
    "Alerts",
    "AlimtalkProvider",
    "Analytics",
    "Attempts",
    "CancelledSales",
    "CheckDelivery",
    "Claims",
    "Courier",
    "Customers",
    "Delays",
    "Deliveries",
    "DeliveryWork",
    "Figures",
    "Gate",
    "IdempotencyKeys",
    "Inbox",
    "MaySend",
    "MessageBatches",
    "OrderEvents",
    "PersonalData",
    "Providers",
    "Results",
    "Sales",
    "Sent",
    "Slots",
    "StopCheck",
    "TemplateRegister",
    "UnitOfWork",
    "UnitOfWorkFactory",
    "WebhookParser",
    "WorkDone",
]
