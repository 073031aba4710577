"""How a cell may end: the gateway's own books beside the service's tables, to the minor unit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.chaos.payments.world import Row, World

_ORDERS = "SELECT order_id::text, total_amount AS amount, currency FROM orders WHERE status = 'COMPLETED'"
_PAYMENTS = """
SELECT payment_id::text, order_id::text, payment_key, status, amount, currency, refunded_at,
    coalesce(charged_amount, amount) AS taken, coalesce(charged_currency, currency) AS taken_currency
FROM payment ORDER BY payment_id
"""
_EVENTS = """
SELECT aggregateid AS order_id, payload #>> '{payment,paymentId}' AS payment_id,
    (payload ->> 'totalAmount')::bigint AS amount, payload ->> 'currency' AS currency
FROM outbox WHERE type = 'OrderCompleted' AND topic = 'order-completed'
"""


@dataclass(frozen=True)
class Verdict:
    """``ending`` in a word; ``wrong`` is what must not be."""

    ending: str
    wrong: tuple[str, ...]


def judge(world: World) -> Verdict:
    """All that is left of a run: there is one order, or none."""
    payments = world.query(_PAYMENTS)
    approved = [payment for payment in payments if payment["status"] == "APPROVED"]
    wrong = (
        *_wrong_order(world.query(_ORDERS), approved, world.query(_EVENTS)),
        *(f"a payment is left {payment['status']}" for payment in payments if not may_end(payment)),
        *_wrong_books(payments, world.sandbox.payments()),
    )
    if approved:
        return Verdict("paid", wrong)
    if any(_is_refund_due(payment) for payment in payments):
        return Verdict("refund due", wrong)
    is_refunded = any(payment["refunded_at"] for payment in payments)
    return Verdict("refunded" if is_refunded else "not charged", wrong)


def may_end(payment: Row) -> bool:
    """Whether nothing is left to do for a payment, without a client and without an operator.

    A refund that is due is an end as long as only operators make refunds: once the worker does, add
    ``and not _is_refund_due(payment)``.
    """
    return payment["status"] not in ("REQUESTED", "UNKNOWN")


def _wrong_order(completed: Sequence[Row], approved: Sequence[Row], events: Sequence[Row]) -> Iterator[str]:
    if not len(completed) == len(approved) == len(events) <= 1:
        yield f"{len(approved)} approved, {len(completed)} completed, {len(events)} events"
    for order, payment, event in zip(completed, approved, events, strict=False):
        of_payment = {name: payment[name] for name in event}
        if not order.items() <= event.items() == of_payment.items():
            yield f"order, payment and event differ: {order}, {of_payment}, {event}"


def _wrong_books(payments: Sequence[Row], books: Sequence[Row]) -> Iterator[str]:
    by_key = {payment["payment_key"].partition(":")[0]: payment for payment in payments}
    for entry in books:
        kept = entry["chargedAmount"] and entry["chargedAmount"] - entry["cancelledAmount"]
        payment = by_key.pop(entry["paymentKey"], None)
        if (kept, entry["currency"]) not in _may_keep(payment, entry["currency"]):
            yield f"the gateway keeps {kept} {entry['currency']}, the service has {payment}"
    if by_key:
        yield f"the gateway lacks {', '.join(by_key)}"


def _may_keep(payment: Row | None, currency: str) -> set[tuple[int, str]]:
    """What the gateway may have of the payment."""
    if payment is not None and payment["status"] == "APPROVED":
        return {(payment["amount"], payment["currency"])}
    if payment is None or not _is_refund_due(payment):
        return {(0, currency)}
    # The refund may have been made by a process that died before it recorded that.
    return {(0, currency), (payment["taken"], payment["taken_currency"])}


def _is_refund_due(payment: Row) -> bool:
    return payment["status"] == "REFUND_DUE" and payment["refunded_at"] is None
