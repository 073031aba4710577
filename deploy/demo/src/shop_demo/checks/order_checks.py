"""Does every paid order have one payment, one event and each effect once, and does the money agree?"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from shop_demo.checks.alimtalk_checks import check_alimtalk
from shop_demo.checks.findings import Findings
from shop_demo.checks.money_checks import Sums, check_money
from shop_demo.checks.payment_checks import check_payments
from shop_demo.facts import OrderFacts
from shop_demo.summary import AlimtalkSummary, Effects, OrderSummary, PaymentSummary, Percentiles

EFFECTS = ("alimtalk", "analytics", "monitoring")
_WITHOUT_SUCCESS = frozenset({"FAILED", "EXPIRED", "GIVEN_UP"})


def check_orders(facts: OrderFacts, findings: Findings) -> OrderSummary:
    """The summary's figures; whatever contradicts another is added to `findings`."""
    alimtalk, payments = check_alimtalk(facts, findings), check_payments(facts, findings)
    summary = _figures(facts, alimtalk, payments, check_money(facts, findings))
    _check_events(facts, findings)
    _check_effects(facts, summary, findings)
    _check_sums(facts, findings)
    findings.expect("events and effects lost", expected=0, found=summary.lost)
    findings.expect("events and effects duplicated", expected=0, found=summary.duplicated)
    return summary


def _figures(
    facts: OrderFacts, alimtalk: AlimtalkSummary, payments: PaymentSummary, money: Mapping[str, Sums]
) -> OrderSummary:
    paid = [paid.order_id for paid in facts.paid]
    counts = {"outbox": Counter(event.order_id for event in facts.outbox), **_effect_counts(facts)}
    published = {event.event_id for event in facts.published}
    unpublished = sum(event.event_id not in published for event in facts.outbox)
    return OrderSummary(
        source=facts.source,
        orders=facts.orders_sent,
        paid=len(paid),
        declined_first=sum(paid.declines > 0 for paid in facts.paid),
        payments=payments,
        events_published=len(published),
        redelivered=len(facts.published) - len(published),
        effects=Effects(
            **{effect: sum(counts[effect][order_id] > 0 for order_id in paid) for effect in EFFECTS}
        ),
        alimtalk=alimtalk,
        lost=unpublished + sum(counts[what][order_id] == 0 for what in counts for order_id in paid),
        duplicated=sum(max(0, number - 1) for count in counts.values() for number in count.values()),
        money=money,
        payment_to_effects_ms=Percentiles.of(_payment_to_effects_ms(facts)),
    )


def _effect_counts(facts: OrderFacts) -> dict[str, Counter[str]]:
    """Per effect and order, how often it was seen where it takes effect."""
    order_of = {event.event_id: event.order_id for event in facts.outbox}

    def by_order(seen: Iterable[tuple[str, int]]) -> Counter[str]:
        counter: Counter[str] = Counter()
        for event_id, count in seen:
            if event_id in order_of:
                counter[order_of[event_id]] += count
        return counter

    return {
        "alimtalk": by_order((message.event_id, message.sends) for message in facts.alimtalk_messages),
        "analytics": Counter(row.order_id for row in facts.analytics),
        "monitoring": by_order(facts.monitoring_notices.items()),
    }


def _check_events(facts: OrderFacts, findings: Findings) -> None:
    findings.expect("OrderCompleted in the outbox", expected=len(facts.paid), found=len(facts.outbox))
    findings.expect_same_ids(
        "events on order-completed",
        expected=(event.event_id for event in facts.outbox),
        found=(event.event_id for event in facts.published),
    )
    findings.expect_none(
        "events with another key than their order",
        (event.event_id for event in facts.published if event.key != event.subject_id),
    )


def _check_effects(facts: OrderFacts, summary: OrderSummary, findings: Findings) -> None:
    for effect in EFFECTS:
        rows = [delivery for delivery in facts.deliveries if delivery.effect.lower() == effect]
        delivered = sum(delivery.status == "DELIVERED" for delivery in rows)
        seen = getattr(summary.effects, effect)
        findings.expect(f"{effect} deliveries in the database", expected=len(facts.paid), found=len(rows))
        findings.expect(f"{effect} delivered, by the database", expected=len(facts.paid), found=delivered)
        findings.expect(f"orders with {effect} where it takes effect", expected=len(facts.paid), found=seen)
    given_up = (delivery for delivery in facts.deliveries if delivery.status in _WITHOUT_SUCCESS)
    findings.expect_none(
        "effects given up",
        (f"{delivery.effect} of {delivery.order_id}: {delivery.last_error}" for delivery in given_up),
    )
    findings.expect_none(
        "orders whose three effects the notification API does not report as delivered",
        (order_id for order_id, effects in facts.reported_delivered.items() if effects != frozenset(EFFECTS)),
    )


def _check_sums(facts: OrderFacts, findings: Findings) -> None:
    sent = _sums((paid.order.currency, paid.order.total_amount) for paid in facts.paid)
    findings.expect("sums that order-service answered", expected=sent, found=_answered_sums(facts))
    findings.expect_within(
        "sales reported by the analytics API",
        least=facts.sales_stored_before,
        most=facts.sales_stored,
        found=facts.sales_reported,
    )


def _answered_sums(facts: OrderFacts) -> dict[str, int]:
    return _sums((paid.order.currency, paid.total_amount) for paid in facts.paid)


def _sums(amounts: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for currency, amount in amounts:
        sums[currency] += amount
    return dict(sorted(sums.items()))


def _payment_to_effects_ms(facts: OrderFacts) -> list[float]:
    """For orders with all effects delivered: from the payment's approval to the last effect."""
    approved_at = {
        p.order_id: p.approved_at for p in facts.payments if p.status == "APPROVED" and p.approved_at
    }
    completed_at: dict[str, list[datetime]] = {}
    for delivery in facts.deliveries:
        if delivery.completed_at is not None and delivery.order_id in approved_at:
            completed_at.setdefault(delivery.order_id, []).append(delivery.completed_at)
    return [
        (max(times) - approved_at[order_id]).total_seconds() * 1000
        for order_id, times in completed_at.items()
        if len(times) == len(EFFECTS)
    ]
