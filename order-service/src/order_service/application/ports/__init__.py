"""What the use cases need of databases and gateways.

One file for each subject. Others import from here, as from the one file that other services have.
"""

from order_service.application.ports.cancellations import CancellationEvent, Cancellations
from order_service.application.ports.coupons import (
    ClaimedRelease,
    CouponReleases,
    Coupons,
    ReportCouponReleases,
)
from order_service.application.ports.gateways import PaymentGateway
from order_service.application.ports.hints import (
    LAST_UNPAID,
    SETTLED_LOOK_UP_INTERVAL,
    ClaimedHint,
    PaymentHints,
    WebhookParser,
)
from order_service.application.ports.ledger import (
    GatewayBalances,
    LedgerFacts,
    LedgerSeals,
    Period,
    ReportUnsealed,
)
from order_service.application.ports.orders import Orders, Products, UnpaidOrders
from order_service.application.ports.payments import (
    ASKED_AGAIN_AFTER,
    ClaimedLookUp,
    DeclinedPayments,
    OperatedPayments,
    Payments,
    ReportBacklog,
    ReportTakenBack,
    UnsettledPayments,
)
from order_service.application.ports.refunds import ClaimedRefund, PaymentOperations, Refunds
from order_service.application.ports.unit_of_work import (
    CompletionEvent,
    IdempotencyKeys,
    Outbox,
    UnitOfWork,
    UnitOfWorkFactory,
)

__all__ = [
    "ASKED_AGAIN_AFTER",
    "LAST_UNPAID",
    "SETTLED_LOOK_UP_INTERVAL",
    "CancellationEvent",
    "Cancellations",
    "ClaimedHint",
    "ClaimedLookUp",
    "ClaimedRefund",
    "ClaimedRelease",
    "CompletionEvent",
    "CouponReleases",
    "Coupons",
    "DeclinedPayments",
    "GatewayBalances",
    "IdempotencyKeys",
    "LedgerFacts",
    "LedgerSeals",
    "OperatedPayments",
    "Orders",
    "Outbox",
    "PaymentGateway",
    "PaymentHints",
    "PaymentOperations",
    "Payments",
    "Period",
    "Products",
    "Refunds",
    "ReportBacklog",
    "ReportCouponReleases",
    "ReportTakenBack",
    "ReportUnsealed",
    "UnitOfWork",
    "UnitOfWorkFactory",
    "UnpaidOrders",
    "UnsettledPayments",
    "WebhookParser",
]
