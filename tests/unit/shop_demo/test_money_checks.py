"""A difference of one minor unit is found wherever it is."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shop_demo.checks.findings import Findings
from shop_demo.checks.money_checks import Sums, check_money
from shop_demo.facts import GatewayFacts, GatewayPayment, OrderFacts
from tests.unit.shop_demo.builders import gateway_facts, order_facts

pytestmark = pytest.mark.unit

SOURCES = ("orders", "payments", "ledger", "toss", "order-completed", "analytics")


def checked(facts: OrderFacts) -> tuple[dict[str, Sums], tuple[str, ...]]:
    findings = Findings()
    return dict(check_money(facts, findings)), findings.problems


def paid_at_the_gateway() -> OrderFacts:
    return replace(order_facts(orders=3), gateway=gateway_facts(orders=3))


def test_equal_money_everywhere_adds_up() -> None:
    money, problems = checked(paid_at_the_gateway())
    assert problems == ()
    assert money == {source: {"KRW": 90_000} for source in SOURCES}


def _off_by_one(source: str, difference: int, facts: OrderFacts) -> OrderFacts:
    """The second order has another amount in one source."""

    def changed(rows: tuple[Any, ...], field: str) -> Any:
        row = rows[1]
        return (rows[0], replace(row, **{field: getattr(row, field) + difference}), *rows[2:])

    match source:
        case "orders":
            return replace(facts, completed_orders=changed(facts.completed_orders, "total_amount"))
        case "payments":
            return replace(facts, payments=changed(facts.payments, "amount"))
        case "ledger":
            return replace(facts, ledger=changed(facts.ledger, "amount"))
        case "toss":
            assert facts.gateway is not None
            payments = changed(facts.gateway.payments, "charged")
            return replace(facts, gateway=replace(facts.gateway, payments=payments))
        case "order-completed":
            return replace(facts, published=changed(facts.published, "total_amount"))
    return replace(facts, analytics=changed(facts.analytics, "total_amount"))


@pytest.mark.parametrize("difference", [1, -1])
@pytest.mark.parametrize("source", SOURCES)
def test_one_minor_unit_is_found_in_each_source(source: str, difference: int) -> None:
    _, problems = checked(_off_by_one(source, difference, paid_at_the_gateway()))

    expected = {"KRW": 90_000}
    found = {"KRW": 90_000 + difference}
    assert problems == (
        f"money in {source}: expected {expected}, found {found}",
        f"orders with other money in {source}: 1 (order-2)",
    )


def test_amounts_swapped_between_orders_are_found() -> None:
    facts = paid_at_the_gateway()
    first, second, *others = facts.analytics
    rows = (replace(first, total_amount=29_999), replace(second, total_amount=30_001), *others)

    _, problems = checked(replace(facts, analytics=rows))

    assert problems == ("orders with other money in analytics: 2 (order-1, order-2)",)


def _with(gateway: GatewayFacts, *payments: GatewayPayment) -> GatewayFacts:
    return replace(gateway, payments=(*gateway.payments, *payments))


def _charged_twice(gateway: GatewayFacts) -> GatewayFacts:
    return _with(gateway, GatewayPayment("order-1", "KRW", 30_000))


def _given_back(gateway: GatewayFacts) -> GatewayFacts:
    first, *others = gateway.payments
    return replace(gateway, payments=(replace(first, cancelled=1), *others))


def _in_another_currency(gateway: GatewayFacts) -> GatewayFacts:
    first, *others = gateway.payments
    return replace(gateway, payments=(replace(first, currency="USD"), *others))


def _not_charged(gateway: GatewayFacts) -> GatewayFacts:
    return replace(gateway, payments=gateway.payments[1:])


@pytest.mark.parametrize("bend", [_charged_twice, _given_back, _in_another_currency, _not_charged])
def test_what_the_gateway_took_otherwise_is_found(bend: Callable[[GatewayFacts], GatewayFacts]) -> None:
    facts = paid_at_the_gateway()
    assert facts.gateway is not None

    _, problems = checked(replace(facts, gateway=bend(facts.gateway)))

    assert "orders with other money in toss: 1 (order-1)" in problems


def test_a_payment_that_was_wholly_given_back_is_no_difference() -> None:
    facts = paid_at_the_gateway()
    assert facts.gateway is not None
    returned = GatewayPayment("order-1", "KRW", 30_000, cancelled=30_000)

    assert checked(replace(facts, gateway=_with(facts.gateway, returned)))[1] == ()


def test_a_redelivered_event_counts_once() -> None:
    facts = paid_at_the_gateway()

    assert checked(replace(facts, published=(*facts.published, facts.published[0])))[1] == ()
