"""Payments, refunds and their ledger, as the database has them after years of business."""

# ruff: noqa: S608 - our own names and ids

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from order_service.application.seal_ledger import SealLedger
from order_service.application.verify_ledger import VerifyLedger, VerifyLedgerCommand
from order_service.domain.ledger_differences import LedgerFindings
from order_service.domain.ledger_seal import HOUR, hour_of
from order_service.persistence.ledger_facts import SqlLedgerFacts
from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.identifiers import uuid7

GATEWAY, ACCOUNT = "toss", "shop-1"
HELD = f"gateway:{GATEWAY}/{ACCOUNT}"

_PLACE = text("""
INSERT INTO orders (order_id, user_id, currency, total_amount, recipient_name, recipient_phone, status,
                    created_at)
VALUES (:order_id, 7, :currency, :total, '김하늘', '010-1234-5678', 'PENDING_PAYMENT', clock_timestamp())
""")
_ITEM = text("""
INSERT INTO order_item (order_id, line_number, product_id, quantity, unit_price)
VALUES (:order_id, 1, 'P-1', 2, :gross / 2), (:order_id, 2, 'P-2', 1, :gross - :gross / 2 * 2)
""")
_DISCOUNT = text("""
UPDATE orders SET user_coupon_id = 1, discount_amount = :discount, coupon_used_at = clock_timestamp()
 WHERE order_id = :order_id
""")
_REQUEST = text("""
INSERT INTO payment (payment_id, order_id, method, gateway, gateway_account, payment_key, amount, currency,
                     status, attempt, requested_at)
VALUES (:payment_id, :order_id, 'CARD', :gateway, :account, :payment_id, :amount, :currency, 'REQUESTED', 1,
        clock_timestamp())
""")
_SETTLE = text("""
UPDATE payment SET status = :status, approved_at = clock_timestamp(), decided_by = gateway,
                   charged_amount = :charged_amount, charged_currency = :charged_currency
 WHERE payment_id = :payment_id
""")
_COMPLETE = text("""
UPDATE orders SET status = 'COMPLETED', completed_at = clock_timestamp(), stock_taken_at = clock_timestamp()
 WHERE order_id = :order_id
""")
_REFUND = text("""
INSERT INTO refund (refund_id, payment_id, amount, refundable_amount, currency, reason, attempt,
                    idempotency_key, status, requested_at, may_be_sent, next_at)
VALUES (:refund_id, :payment_id, :amount, :left, :currency, 'cancelled', 1, :refund_id || '-1', 'DUE',
        clock_timestamp(), true, clock_timestamp())
""")
_REFUNDED = text("""
UPDATE refund SET status = 'REFUNDED', refunded_at = clock_timestamp(), refunded_by = 'order-worker',
                  returned_outside = :outside
 WHERE refund_id = :refund_id
""")
_RETURNED = text("""
UPDATE payment SET refunded_at = clock_timestamp(), refunded_by = 'order-worker'
 WHERE payment_id = :payment_id
""")
_TAKEN_BACK = text("UPDATE payment SET taken_back_at = clock_timestamp() WHERE payment_id = :payment_id")
_RESTORED = text("UPDATE payment SET restored_at = clock_timestamp() WHERE payment_id = :payment_id")


@dataclass(frozen=True, slots=True)
class Paid:
    """One payment."""

    payment_id: UUID
    order_id: UUID
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Books:
    """Writes as the service does, in one transaction for each thing that happens."""

    engine: Engine
    this_hour: datetime = field(default_factory=lambda: hour_of(datetime.now(UTC)))

    def requested(
        self, gross: int = 1_000, discount: int = 0, currency: str = "KRW", gateway: str = GATEWAY
    ) -> Paid:
        paid = Paid(uuid7(), uuid7(), gross - discount, currency)
        order = {"order_id": paid.order_id, "currency": currency, "total": paid.amount, "gross": gross}
        of_payment = {"payment_id": str(paid.payment_id), "gateway": gateway, "account": ACCOUNT}
        # How an order gets its coupon is of no matter here.
        with self.tampering() as connection:
            connection.execute(_PLACE, order)
            connection.execute(_ITEM, order)
            if discount:
                connection.execute(_DISCOUNT, {"order_id": paid.order_id, "discount": discount})
            connection.exec_driver_sql("SET LOCAL session_replication_role = origin")
            connection.execute(_REQUEST, {**order, **of_payment, "amount": paid.amount})
        return paid

    def sale(self, gross: int = 1_000, discount: int = 0, currency: str = "KRW") -> Paid:
        paid = self.requested(gross, discount, currency)
        with self.engine.begin() as connection:
            self._settle(connection, paid, "APPROVED")
            connection.execute(_COMPLETE, {"order_id": paid.order_id})
        return paid

    def wrong_charge(self, amount: int | None = None, currency: str | None = None) -> Paid:
        """What was asked for, unless another amount was taken."""
        paid = self.requested()
        with self.engine.begin() as connection:
            self._settle(connection, paid, "REFUND_DUE", charged_amount=amount, charged_currency=currency)
        return paid

    def returned(self, paid: Paid) -> None:
        """What was charged wrongly."""
        self._execute(_RETURNED, payment_id=paid.payment_id)

    def cancelled(self, paid: Paid, amount: int, left: int) -> UUID:
        refund_id = uuid7()
        values = {"payment_id": paid.payment_id, "currency": paid.currency, "amount": amount, "left": left}
        self._execute(_REFUND, refund_id=str(refund_id), **values)
        return refund_id

    def refunded(self, refund_id: UUID, *, outside: bool = False) -> None:
        self._execute(_REFUNDED, refund_id=refund_id, outside=outside)

    def taken_back(self, paid: Paid) -> None:
        self._execute(_TAKEN_BACK, payment_id=paid.payment_id)

    def restored(self, paid: Paid) -> None:
        self._execute(_RESTORED, payment_id=paid.payment_id)

    def begun(self, hours_ago: int) -> None:
        """As if the hour before the ledger's first had been so many hours ago."""
        with self.tampering() as connection:
            connection.execute(text("UPDATE ledger_seal SET hour = :hour"), {"hour": self._hour(hours_ago)})

    def happened(self, hours_ago: int) -> None:
        """As if all that is of this hour had been recorded so many hours ago."""
        with self.tampering() as connection:
            connection.execute(
                text(
                    "UPDATE ledger_entry SET recorded_at = :hour + entry_id * interval '1 ms'"
                    " WHERE recorded_at >= :this_hour"
                ),
                {"hour": self._hour(hours_ago), "this_hour": self._hour(0)},
            )

    def sealer(self) -> SealLedger:
        return SealLedger(partial(OrderUnitOfWork, self.engine), lambda ends_at: None)

    def seal(self) -> int:
        """The hours that could be sealed."""
        sealer = self.sealer()
        hours = 0
        while sealer():
            hours += 1
        return hours

    def verify(self, command: VerifyLedgerCommand | None = None) -> LedgerFindings:
        return VerifyLedger(SqlLedgerFacts(self.engine))(command or VerifyLedgerCommand())

    def differences(self, command: VerifyLedgerCommand | None = None) -> dict[str, list[str]]:
        return {kind.value: ids for kind, ids in self.verify(command).ids.items()}

    def postings(self, kind: str, source_id: UUID) -> dict[str, int]:
        """Amounts by account of an entry."""
        query = (
            "SELECT account, amount FROM ledger_entry JOIN ledger_posting USING (entry_id)"
            f" WHERE kind = '{kind}' AND source_id = '{source_id}'"
        )
        return {account: int(amount) for account, amount in self.query(query)}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    @contextmanager
    def tampering(self) -> Iterator[Connection]:
        """What an administrator can do: no trigger runs."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            yield connection

    def _hour(self, hours_ago: int) -> datetime:
        return self.this_hour - hours_ago * HOUR

    def _settle(
        self,
        connection: Connection,
        paid: Paid,
        status: str,
        charged_amount: int | None = None,
        charged_currency: str | None = None,
    ) -> None:
        charged = {"charged_amount": charged_amount, "charged_currency": charged_currency}
        connection.execute(_SETTLE, {"payment_id": paid.payment_id, "status": status, **charged})

    def _execute(self, statement: Any, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(statement, values)


@contextmanager
def open_books(database_url: str) -> Iterator[Books]:
    engine = create_engine(DatabaseSettings(database_url=database_url), "order-service-tests")
    try:
        yield Books(engine)
    finally:
        engine.dispose()
