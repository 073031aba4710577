"""One transaction on the order database."""

from order_service.persistence.cancellations import SqlCancellations
from order_service.persistence.coupon_releases import SqlCouponReleases
from order_service.persistence.declined_payments import SqlDeclinedPayments
from order_service.persistence.ledger_seals import SqlLedgerSeals
from order_service.persistence.operated_payments import SqlOperatedPayments
from order_service.persistence.orders import SqlOrders
from order_service.persistence.payment_hints import SqlPaymentHints
from order_service.persistence.payment_operations import SqlPaymentOperations
from order_service.persistence.payments import SqlPayments
from order_service.persistence.products import SqlProducts
from order_service.persistence.refunds import SqlRefunds
from order_service.persistence.tables import idempotency_key, outbox
from order_service.persistence.unpaid_orders import SqlUnpaidOrders
from order_service.persistence.unsettled_payments import SqlUnsettledPayments
from servicekit.db.unit_of_work import UnitOfWork
from servicekit.idempotency.keys import IdempotencyKeys
from servicekit.outbox.writer import OutboxWriter

EVENT_SOURCE = "/order-service"


class OrderUnitOfWork(UnitOfWork):
    """Everything that may change together."""

    orders: SqlOrders
    unpaid_orders: SqlUnpaidOrders
    coupon_releases: SqlCouponReleases
    products: SqlProducts
    payments: SqlPayments
    unsettled_payments: SqlUnsettledPayments
    payment_hints: SqlPaymentHints
    declined_payments: SqlDeclinedPayments
    operated_payments: SqlOperatedPayments
    refunds: SqlRefunds
    cancellations: SqlCancellations
    payment_operations: SqlPaymentOperations
    ledger_seals: SqlLedgerSeals
    outbox: OutboxWriter
    idempotency_keys: IdempotencyKeys

    def opened(self) -> None:
        self.orders = SqlOrders(self.connection)
        self.unpaid_orders = SqlUnpaidOrders(self.connection)
        self.coupon_releases = SqlCouponReleases(self.connection)
        self.products = SqlProducts(self.connection)
        self.payments = SqlPayments(self.connection)
        self.unsettled_payments = SqlUnsettledPayments(self.connection)
        self.payment_hints = SqlPaymentHints(self.connection)
        self.declined_payments = SqlDeclinedPayments(self.connection)
        self.operated_payments = SqlOperatedPayments(self.connection)
        self.refunds = SqlRefunds(self.connection)
        self.cancellations = SqlCancellations(self.connection)
        self.payment_operations = SqlPaymentOperations(self.connection)
        self.ledger_seals = SqlLedgerSeals(self.connection)
        self.outbox = OutboxWriter(self.connection, outbox, EVENT_SOURCE)
        self.idempotency_keys = IdempotencyKeys(self.connection, idempotency_key)


class OrderSnapshot(OrderUnitOfWork):
    """For reading only: all queries see the same moment, so that an order and its payment agree."""

    def opened(self) -> None:
        # READ COMMITTED would give each query a snapshot of its own.
        self.connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        super().opened()
