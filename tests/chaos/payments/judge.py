"""How a cell may end: the gateway's own books beside the service's tables, to the minor unit."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.chaos.payments.behaviour import Behaviour
from tests.chaos.payments.cancellations import cancellations_of, wrong_cancellations
from tests.chaos.payments.coupons import wrong_coupons
from tests.chaos.payments.database import Row
from tests.chaos.payments.world import PIECES, STOCK, World

_ORDERS = "SELECT order_id::text, total_amount AS amount, currency FROM orders WHERE status = 'COMPLETED'"
_PAYMENTS = """
SELECT payment_id::text, order_id::text, payment_key, status, amount, currency, refunded_at
FROM payment ORDER BY payment_id
"""
_EVENTS = """
SELECT aggregateid AS order_id, payload #>> '{payment,paymentId}' AS payment_id,
    (payload ->> 'totalAmount')::bigint AS amount, payload ->> 'currency' AS currency
FROM outbox WHERE type = 'OrderCompleted' AND topic = 'order-completed'
"""
_EXPIRY = """
SELECT order_id::text, expired_at::text FROM orders WHERE status = 'PENDING_PAYMENT' AND (
    (%s AND expired_at IS NULL) OR EXISTS (
        SELECT FROM payment WHERE payment.order_id = orders.order_id AND charged_amount IS NULL
            AND approved_at < expired_at AND NOT EXISTS (SELECT FROM product WHERE stock < %s)))
"""
# What the gateway refuses for good is left to an operator, where an order is cancelled.
_REFUNDS = """
SELECT status, amount, currency FROM refund WHERE status <> 'REFUNDED'
    AND (status = 'DUE' OR refund_id NOT IN (SELECT refund_id FROM cancellation WHERE refund_id IS NOT NULL))
"""
_HINTS = "SELECT payment_id::text FROM payment_hint"
_STOCK = "SELECT stock FROM product"
_LEDGER = """
SELECT currency, sum(amount)::bigint AS amount FROM ledger_posting
WHERE account LIKE 'gateway:%' GROUP BY currency HAVING sum(amount) <> 0
"""


@dataclass(frozen=True)
class Verdict:
    """``ending`` in a word; ``wrong`` is what must not be."""

    ending: str
    wrong: tuple[str, ...]


def judge(world: World, behaviour: Behaviour) -> Verdict:
    """All that is left of a run: there is one order, or none."""
    payments = world.query(_PAYMENTS)
    approved = [payment for payment in payments if payment["status"] == "APPROVED"]
    completed, cancelled = world.query(_ORDERS), cancellations_of(world)
    wrong = (
        *_wrong_order(completed, approved, world.query(_EVENTS)),
        *_wrong_stock(len(completed), cancelled.pieces, world.query(_STOCK)),
        *(f"expired, though paid in time, or not: {order}" for order in _wrongly_unpaid(world, behaviour)),
        *(f"a payment is left {payment['status']}" for payment in payments if not may_end(payment)),
        *(f"a refund is left: {refund}" for refund in world.query(_REFUNDS)),
        *(f"a webhook is left: {hint}" for hint in world.query(_HINTS)),
        *_wrong_books(payments, cancelled.amount, world.sandbox.payments()),
        *_wrong_ledger(world.query(_LEDGER), world.sandbox.payments()),
        *wrong_cancellations(world, behaviour),
        *(wrong_coupons(world, cancelled, behaviour) if behaviour.has_coupon else ()),
    )
    if approved:
        return Verdict(cancelled.ending or "paid", wrong)
    is_refunded = any(payment["refunded_at"] for payment in payments)
    return Verdict("refunded" if is_refunded else "not charged", wrong)


def may_end(payment: Row) -> bool:
    """Whether nothing is left to do for a payment, without a client and without an operator."""
    is_refund_due = payment["status"] == "REFUND_DUE" and payment["refunded_at"] is None
    return payment["status"] not in ("REQUESTED", "UNKNOWN") and not is_refund_due


def _wrong_order(completed: Sequence[Row], approved: Sequence[Row], events: Sequence[Row]) -> Iterator[str]:
    if not len(completed) == len(approved) == len(events) <= 1:
        yield f"{len(approved)} approved, {len(completed)} completed, {len(events)} events"
    for order, payment, event in zip(completed, approved, events, strict=False):
        of_payment = {name: payment[name] for name in event}
        if not order.items() <= event.items() == of_payment.items():
            yield f"order, payment and event differ: {order}, {of_payment}, {event}"


def _wrongly_unpaid(world: World, behaviour: Behaviour) -> Sequence[Row]:
    return world.query(_EXPIRY, behaviour.expires, PIECES)


def _wrong_stock(completed: int, given_back: int, products: Sequence[Row]) -> Iterator[str]:
    for product in products:
        taken = STOCK - product["stock"]
        # Others take what they take from the whole.
        may_be_taken = {PIECES - given_back} if completed else {0, STOCK - PIECES + 1}
        if taken not in may_be_taken:
            yield f"{taken} pieces are taken for {completed} completed orders, {given_back} are given back"


def _wrong_books(payments: Sequence[Row], cancelled: int, books: Sequence[Row]) -> Iterator[str]:
    by_key: defaultdict[str, list[Row]] = defaultdict(list)
    for payment in payments:
        by_key[payment["payment_key"].partition(":")[0]].append(payment)
    for entry in books:
        kept = entry["chargedAmount"] and entry["chargedAmount"] - entry["cancelledAmount"]
        of_key = by_key.pop(entry["paymentKey"], [])
        if (kept, entry["currency"]) != _to_keep(of_key, cancelled, entry["currency"]):
            yield f"the gateway keeps {kept} {entry['currency']}, the service has {of_key}"
    if by_key:
        yield f"the gateway lacks {', '.join(by_key)}"


def _wrong_ledger(ledger: Sequence[Row], books: Sequence[Row]) -> Iterator[str]:
    entered = {each["currency"]: each["amount"] for each in ledger}
    kept: Counter[str] = Counter()
    for entry in books:
        if entry["chargedAmount"]:
            kept[entry["currency"]] += entry["chargedAmount"] - entry["cancelledAmount"]
    if entered != dict(+kept):
        yield f"the gateway keeps {dict(kept)}, the ledger has {entered}"


def _to_keep(payments: Sequence[Row], cancelled: int, currency: str) -> tuple[int, str]:
    """What the gateway has to have of a charge. Others of its payments were refused."""
    approved = [payment for payment in payments if payment["status"] == "APPROVED"]
    return (approved[0]["amount"] - cancelled, approved[0]["currency"]) if approved else (0, currency)
