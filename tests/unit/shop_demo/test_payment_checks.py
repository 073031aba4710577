"""What of a payment is a fault, and what is not."""

from dataclasses import replace

import pytest

from shop_demo.checks.findings import Findings
from shop_demo.checks.order_checks import check_orders
from shop_demo.facts import OrderFacts
from shop_demo.gateway_faults import FEWEST_ORDERS
from shop_demo.summary import PaymentSummary
from tests.unit.shop_demo.builders import a_payment, gateway_facts, order_facts

pytestmark = pytest.mark.unit


def checked(facts: OrderFacts) -> tuple[PaymentSummary, tuple[str, ...]]:
    findings = Findings()
    return check_orders(facts, findings).payments, findings.problems


def paid_at_the_gateway() -> OrderFacts:
    return replace(order_facts(orders=3), gateway=gateway_facts(orders=3))


def test_orders_paid_without_their_client_are_counted() -> None:
    facts = paid_at_the_gateway()
    first, second, third = facts.paid
    paid = (replace(first, unanswered=1), replace(second, unanswered=2, came_back=True), third)

    summary, problems = checked(replace(facts, paid=paid))

    assert problems == ()
    assert (summary.gateway, summary.faults) == ("toss", {"cut after": 1})
    assert (summary.unanswered, summary.settled_by_worker, summary.unsettled) == (2, 1, 0)


def test_declined_and_abandoned_payments_are_no_fault() -> None:
    facts = paid_at_the_gateway()
    refused = (
        a_payment(7, order=1, status="DECLINED"),
        a_payment(8, order=1, status="DECLINED"),
        a_payment(9, order=2, status="ABANDONED"),
    )
    paid = (replace(facts.paid[0], declines=2), *facts.paid[1:])

    assert checked(replace(facts, paid=paid, payments=(*facts.payments, *refused)))[1] == ()


def test_a_payment_settled_too_late_is_all_that_is_wrong() -> None:
    """Its order is paid in the meantime, perhaps; no source may be called wrong for that."""
    facts = replace(paid_at_the_gateway(), orders_sent=4, unsettled=("order-4",))

    summary, problems = checked(facts)

    assert problems == (
        "orders whose payment was not settled in time: 1 (order-4)",
        "orders placed and paid: expected 4, found 3",
    )
    assert summary.unsettled == 1


def test_a_decline_that_reached_no_client_is_found() -> None:
    facts = paid_at_the_gateway()

    _, problems = checked(
        replace(facts, payments=(*facts.payments, a_payment(9, order=1, status="DECLINED")))
    )

    assert problems == ("declined payments in the database: expected 0, found 1",)


def test_money_that_has_to_be_returned_is_found() -> None:
    facts = paid_at_the_gateway()

    _, problems = checked(
        replace(facts, payments=(*facts.payments, a_payment(9, order=1, status="REFUND_DUE")))
    )

    assert problems == ("payments whose money has to be returned: 1 (payment-9)",)


def test_a_gateway_without_faults_would_show_nothing() -> None:
    orders = FEWEST_ORDERS
    gateway = replace(gateway_facts(orders=orders), faults={})

    _, problems = checked(replace(order_facts(orders=orders), gateway=gateway))

    assert problems == ("faults of toss: expected some, found 0",)


def test_few_orders_meet_no_faults() -> None:
    orders = FEWEST_ORDERS - 1
    gateway = replace(gateway_facts(orders=orders), faults={})

    assert checked(replace(order_facts(orders=orders), gateway=gateway))[1] == ()
