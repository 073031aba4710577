"""What the use cases need of databases and messages.

One file for each subject. Others import from here, as from the one file that other services have.
"""

from coupon_service.application.ports.coupons import (
    CouponCounters,
    CouponRequests,
    Coupons,
    Lines,
    StandingRequest,
    UserCoupons,
)
from coupon_service.application.ports.gates import Gate, RequestEvent
from coupon_service.application.ports.messages import IdempotencyKeys, Inbox, Outbox
from coupon_service.application.ports.orders import CouponOrders, OrderDifferences
from coupon_service.application.ports.reconciling import Found, FoundRecord, Page, RequestTopic, StoredFacts
from coupon_service.application.ports.undecided import UndecidedPage, UndecidedPages
from coupon_service.application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory

__all__ = [
    "CouponCounters",
    "CouponOrders",
    "CouponRequests",
    "Coupons",
    "Found",
    "FoundRecord",
    "Gate",
    "IdempotencyKeys",
    "Inbox",
    "Lines",
    "OrderDifferences",
    "Outbox",
    "Page",
    "RequestEvent",
    "RequestTopic",
    "StandingRequest",
    "StoredFacts",
    "UndecidedPage",
    "UndecidedPages",
    "UnitOfWork",
    "UnitOfWorkFactory",
    "UserCoupons",
]
