"""What payments are worth at their gateways, by the ledger."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Row, text

from order_service.application.ports import Period
from order_service.domain.ledger_balance import GatewayBalance, UntakenPayment
from order_service.domain.payment import PaymentStatus
from order_service.domain.refund import RefundStatus
from order_service.domain.refund_request import RefundRequest
from order_service.persistence.ledger_facts import PAYMENTS_WITHIN, bounds
from order_service.persistence.payments import payment_of
from order_service.persistence.refunds import refund_of
from order_service.persistence.tables import refund as refunds

PAGE_ROWS = 500

_BALANCES = """
    SELECT payment.*,
           (SELECT coalesce(sum(posting.amount), 0)::bigint
              FROM ledger_entry AS entry JOIN ledger_posting AS posting USING (entry_id)
             WHERE entry.payment_id = payment.payment_id AND posting.account LIKE 'gateway:%') AS left_of_it
      FROM payment
     WHERE payment.status IN ('APPROVED', 'REFUND_DUE') AND payment_id > :after AND {is_chosen}
     ORDER BY payment_id LIMIT :rows
"""
_UNTAKEN = """
    SELECT payment.*, clock_timestamp() AS asked_at
      FROM payment
     WHERE payment.status IN ('ABANDONED', 'DECLINED') AND payment_id > :after AND {is_chosen}
       AND NOT EXISTS (
           SELECT FROM payment AS other
            WHERE other.order_id = payment.order_id AND other.payment_id <> payment.payment_id
              AND other.status NOT IN ('ABANDONED', 'DECLINED')
              AND other.gateway IS NOT DISTINCT FROM payment.gateway
              AND split_part(other.payment_key, ':', 1) = split_part(payment.payment_key, ':', 1))
     ORDER BY payment_id LIMIT :rows
"""
_REQUESTED_WITHIN = "requested_at >= :begins AND requested_at < :ends"
_NO_ID = UUID(int=0)


class SqlGatewayBalances:
    """Reads the database, in a short transaction for each page."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def balances(self, period: Period) -> Iterator[GatewayBalance]:
        is_chosen, limits = ("true", {}) if period.is_all else (PAYMENTS_WITHIN, bounds(period))
        page: Sequence[GatewayBalance] = self._page(is_chosen, after=_NO_ID, **limits)
        while page:
            yield from page
            page = self._page(is_chosen, after=page[-1].payment.payment_id, **limits)

    def untaken(self, period: Period) -> Iterator[UntakenPayment]:
        is_chosen, limits = ("true", {}) if period.is_all else (_REQUESTED_WITHIN, bounds(period))
        page = self._untaken_page(is_chosen, after=_NO_ID, **limits)
        while page:
            yield from page
            page = self._untaken_page(is_chosen, after=page[-1].payment.payment_id, **limits)

    def is_untaken(self, payment_id: UUID) -> bool:
        return bool(self._untaken_page("payment_id = :payment_id", after=_NO_ID, payment_id=payment_id))

    def balance(self, payment_id: UUID) -> GatewayBalance | None:
        found = self._page("payment_id = :payment_id", after=_NO_ID, payment_id=payment_id)
        return found[0] if found else None

    def _page(self, is_chosen: str, **values: Any) -> Sequence[GatewayBalance]:
        with self._engine.connect() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            query = text(_BALANCES.format(is_chosen=is_chosen))
            rows = connection.execute(query, {"rows": PAGE_ROWS, **values}).all()
            made: dict[UUID, list[Row[Any]]] = {row.payment_id: [] for row in rows}
            for refund in connection.execute(
                refunds.select()
                .where(refunds.c.payment_id.in_(list(made)))
                .order_by(refunds.c.refunded_at.nulls_first())
            ):
                made[refund.payment_id].append(refund)
        return [_balance(row, made[row.payment_id]) for row in rows]

    def _untaken_page(self, is_chosen: str, **values: Any) -> Sequence[UntakenPayment]:
        with self._engine.connect() as connection:
            connection.execution_options(postgresql_readonly=True)
            query = text(_UNTAKEN.format(is_chosen=is_chosen))
            rows = connection.execute(query, {"rows": PAGE_ROWS, **values}).all()
        return [UntakenPayment(payment_of(row), row.asked_at) for row in rows]


def _balance(row: Row[Any], refunds_of_it: Sequence[Row[Any]]) -> GatewayBalance:
    payment = payment_of(row)
    last: RefundRequest | None = None
    for each in refunds_of_it:
        if each.status == RefundStatus.REFUNDED.value and not each.returned_outside:
            last = refund_of(each, payment).request
    is_due = any(each.status == RefundStatus.DUE.value for each in refunds_of_it)
    is_adopted = bool(refunds_of_it) or row.status != PaymentStatus.REFUND_DUE.value
    is_returned = row.refunded_at is not None
    return GatewayBalance(
        payment,
        left=row.left_of_it,
        last_refund=last,
        is_returning=not is_returned and (is_due or not is_adopted),
        is_taken_back=row.taken_back_at is not None and row.restored_at is None,
    )
