"""Is the money of the paid orders the same wherever it is kept, currency by currency?"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from shop_demo.checks.findings import Findings
from shop_demo.facts import OrderFacts

Sums = Mapping[str, int]
"""Minor units by currency."""
_Amounts = Iterable[tuple[str, str, int]]
"""Orders, currencies and amounts; an order's are added up."""


def check_money(facts: OrderFacts, findings: Findings) -> Mapping[str, Sums]:
    """The sums by source; a source that differs from what the clients paid is added to `findings`.

    Sums alone would not show amounts that were swapped, so each order is compared as well.
    """
    paid = _by_order((paid.order_id, paid.order.currency, paid.order.total_amount) for paid in facts.paid)
    money = {source: _by_order(amounts) for source, amounts in _sources(facts).items()}
    for source, kept in money.items():
        findings.expect(f"money in {source}", expected=_sums(paid), found=_sums(kept))
        wrong = sorted(order_id for order_id in paid.keys() | kept.keys() if paid[order_id] != kept[order_id])
        findings.expect_none(f"orders with other money in {source}", wrong)
    return {source: _sums(kept) for source, kept in money.items()}


def _sources(facts: OrderFacts) -> Mapping[str, _Amounts]:
    # A record may come twice.
    published = {event.event_id: event for event in facts.published}.values()
    sources: dict[str, _Amounts] = {
        "orders": ((each.order_id, each.currency, each.total_amount) for each in facts.completed_orders),
        "payments": (
            (each.order_id, each.currency, each.amount)
            for each in facts.payments
            if each.status == "APPROVED"
        ),
        "ledger": ((each.order_id, each.currency, each.amount) for each in facts.ledger),
    }
    if facts.gateway is not None:
        sources[facts.gateway.name] = (
            (each.order_id, each.currency, each.charged - each.cancelled) for each in facts.gateway.payments
        )
    return sources | {
        "order-completed": ((each.subject_id, each.currency, each.total_amount) for each in published),
        "analytics": ((each.order_id, each.currency, each.total_amount) for each in facts.analytics),
    }


def _by_order(amounts: _Amounts) -> defaultdict[str, Counter[str]]:
    """Amounts of 0 don't count: a payment that was refused took nothing."""
    orders: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for order_id, currency, amount in amounts:
        if amount:
            orders[order_id][currency] += amount
    return orders


def _sums(orders: Mapping[str, Counter[str]]) -> Sums:
    sums: Counter[str] = Counter()
    for amounts in orders.values():
        sums.update(amounts)
    return dict(sorted(sums.items()))
