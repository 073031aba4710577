"""What the ledger and its sources say, in streams. Each is one statement, whose facts are of one moment."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, func, select, text

from order_service.application.ports import Period
from order_service.domain.ledger import Entry, PaymentInBooks, ReturnOfSale, account_of
from order_service.domain.ledger_comparison import FoundEntry, PaymentWithEntries
from order_service.domain.ledger_seal import Seal
from order_service.domain.money import Money
from order_service.domain.payment import PaymentStatus
from order_service.persistence.ledger_lines import MICROSECONDS, SqlLedgerLines, stream
from order_service.persistence.ledger_seals import seal_of
from order_service.persistence.payments import FORMER_GATEWAY

_SEALS = text("SELECT hour, entries, digest FROM ledger_seal ORDER BY hour")
_ENTRIES_BEFORE = text("SELECT entry_id FROM ledger_entry WHERE recorded_at < :hour ORDER BY entry_id")
_ORPHANS = text("""
    SELECT DISTINCT entry_id FROM ledger_posting
     WHERE NOT EXISTS (SELECT FROM ledger_entry WHERE ledger_entry.entry_id = ledger_posting.entry_id)
     ORDER BY entry_id
""")
_UNPAID = text("""
    SELECT order_id FROM orders
     WHERE completed_at >= :begins AND completed_at < :ends
       AND NOT EXISTS (SELECT FROM payment
                        WHERE payment.order_id = orders.order_id
                          AND (payment.status = 'APPROVED'
                               -- An operator may have decided that a sale is to be returned.
                               OR payment.status = 'REFUND_DUE' AND EXISTS (
                                  SELECT FROM ledger_entry
                                   WHERE kind = 'SALE' AND source_id = payment.payment_id)))
     ORDER BY order_id
""")
# The times of a gateway aren't those of the ledger: a payment is within the period by either.
PAYMENTS_WITHIN = """
    payment_id IN (
        SELECT payment_id FROM ledger_entry WHERE recorded_at >= :begins AND recorded_at < :ends
         UNION ALL
        SELECT payment_id FROM refund
         WHERE (requested_at >= :begins AND requested_at < :ends)
            OR (refunded_at >= :begins AND refunded_at < :ends)
         UNION ALL
        SELECT payment_id FROM payment
         WHERE (approved_at >= :begins AND approved_at < :ends)
            OR (refunded_at >= :begins AND refunded_at < :ends)
            OR (taken_back_at >= :begins AND taken_back_at < :ends)
            OR (restored_at >= :begins AND restored_at < :ends))
"""
_PAYMENTS = """
    SELECT coalesce(paid.payment_id, entered.payment_id)::text AS payment_id, paid.order_id::text,
           paid.status, paid.gateway, paid.gateway_account, paid.amount, paid.currency, paid.charged_amount,
           paid.charged_currency, paid.approved_at, paid.refunded_at, paid.taken_back_at, paid.restored_at,
           paid.total_amount, paid.order_currency, paid.gross, paid.discount, paid.returns,
           paid.returned_outside, paid.is_order_completed, entered.entries
      FROM (SELECT payment.payment_id, payment.order_id, payment.status, gateway, gateway_account, amount,
                   payment.currency, charged_amount, charged_currency, {approved_at} AS approved_at,
                   {refunded_at} AS refunded_at, {taken_back_at} AS taken_back_at,
                   {restored_at} AS restored_at,
                   orders.total_amount, orders.currency AS order_currency,
                   coalesce(orders.discount_amount, 0) AS discount,
                   coalesce(orders.status = 'COMPLETED', false) AS is_order_completed,
                   (SELECT coalesce(sum(quantity * unit_price), 0)::bigint FROM order_item
                     WHERE order_item.order_id = payment.order_id) AS gross,
                   (SELECT json_agg(json_build_array(
                               refund_id, refund.amount, refund.currency, {requested_at}, {returned_at},
                               returned_outside))
                      FROM refund
                     WHERE refund.payment_id = payment.payment_id AND payment.status = 'APPROVED') AS returns,
                   payment.status = 'REFUND_DUE' AND EXISTS (
                      SELECT FROM refund
                       WHERE refund.payment_id = payment.payment_id AND returned_outside) AS returned_outside
              FROM payment LEFT JOIN orders USING (order_id)
             WHERE payment.status IN ('APPROVED', 'REFUND_DUE') AND {is_within}) AS paid
      FULL JOIN
           (SELECT payment_id, json_agg(json_build_array(
                       entry_id, kind, source_id, order_id, {occurred_at},
                       (SELECT json_agg(json_build_array(account, currency, amount))
                          FROM ledger_posting WHERE ledger_posting.entry_id = ledger_entry.entry_id)
                   )) AS entries
              FROM ledger_entry WHERE {is_within} GROUP BY payment_id) AS entered
        ON entered.payment_id = paid.payment_id
"""
_TIMES = {
    "approved_at": MICROSECONDS.format("approved_at"),
    "refunded_at": MICROSECONDS.format("payment.refunded_at"),
    "taken_back_at": MICROSECONDS.format("taken_back_at"),
    "restored_at": MICROSECONDS.format("restored_at"),
    "requested_at": MICROSECONDS.format("refund.requested_at"),
    "returned_at": MICROSECONDS.format("refund.refunded_at"),
    "occurred_at": MICROSECONDS.format("occurred_at"),
}
# A cursor is planned for its first rows, which are of no use alone; and its first rows may take long.
_FOR_ALL_ROWS = """
    SET LOCAL cursor_tuple_fraction = 1; SET LOCAL work_mem = '64MB'; SET LOCAL jit = off;
    SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '10min'
"""


class SqlLedgerFacts:
    """Reads the database, in a transaction for each stream."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def seals(self) -> Generator[Seal, None, None]:
        with self._reading() as connection:
            for row in stream(connection, _SEALS):
                yield seal_of(row)

    def sealed_lines(self, period: Period) -> Generator[tuple[datetime, str], None, None]:
        with self._reading() as connection:
            for recorded_at, line in SqlLedgerLines(connection).recorded(**bounds(period)):
                yield recorded_at.astimezone(UTC), line

    def entries_before(self, hour: datetime) -> Iterator[int]:
        with self._reading() as connection:
            for (entry_id,) in stream(connection, _ENTRIES_BEFORE, hour=hour):
                yield entry_id

    def payments(self, period: Period) -> Iterator[PaymentWithEntries]:
        is_within, limits = ("true", {}) if period.is_all else (PAYMENTS_WITHIN, bounds(period))
        query = _PAYMENTS.format(is_within=is_within, **_TIMES)
        with self._reading() as connection:
            for row in stream(connection, text(query), **limits):
                entries = [_entry(*entry) for entry in row.entries or ()]
                payment = None if row.status is None else _payment(row)
                yield PaymentWithEntries(row.payment_id, payment, entries)

    def postings_without_entry(self) -> Iterator[int]:
        with self._reading() as connection:
            for (entry_id,) in stream(connection, _ORPHANS):
                yield entry_id

    def orders_without_payment(self, period: Period) -> Iterator[UUID]:
        with self._reading() as connection:
            for (order_id,) in stream(connection, _UNPAID, **bounds(period)):
                yield order_id

    def now(self) -> datetime:
        with self._engine.connect() as connection:
            now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return now.astimezone(UTC)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            connection.execution_options(postgresql_readonly=True)
            connection.exec_driver_sql(_FOR_ALL_ROWS)
            yield connection


def bounds(period: Period) -> dict[str, datetime | str]:
    """As the queries take them."""
    return {"begins": period.begins or "-infinity", "ends": period.ends or "infinity"}


def _entry(
    entry_id: int,
    kind: str,
    source_id: str,
    order_id: str,
    occurred_at: int,
    postings: list[tuple[str, str, int]] | None,
) -> FoundEntry:
    amounts: dict[tuple[str, str], int] = {}
    for account, currency, amount in postings or ():
        amounts[account, currency] = amounts.get((account, currency), 0) + amount
    return FoundEntry(entry_id, (kind, source_id), Entry(order_id, occurred_at, amounts))


def _payment(row: Row[Any]) -> PaymentInBooks:
    requested = Money(row.amount, row.currency)
    has_other = row.charged_amount is not None
    return PaymentInBooks(
        payment_id=row.payment_id,
        order_id=row.order_id,
        status=PaymentStatus(row.status),
        account=account_of(row.gateway or FORMER_GATEWAY, row.gateway_account),
        requested=requested,
        taken=Money(row.charged_amount, row.charged_currency) if has_other else requested,
        approved_at=row.approved_at,
        # Of an order that is gone, nothing agrees.
        order_total=Money(row.total_amount or 0, row.order_currency or ""),
        gross=row.gross,
        discount=row.discount,
        returned_at=row.refunded_at,
        taken_back_at=row.taken_back_at,
        restored_at=row.restored_at,
        returns=[
            ReturnOfSale(refund_id, Money(amount, currency), requested_at, returned_at, is_outside)
            for refund_id, amount, currency, requested_at, returned_at, is_outside in row.returns or ()
        ],
        is_returned_outside=row.returned_outside,
        is_order_completed=row.is_order_completed,
    )
