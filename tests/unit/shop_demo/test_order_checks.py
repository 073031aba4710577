from collections.abc import Callable
from dataclasses import replace

import pytest

from shop_demo.checks.findings import Findings
from shop_demo.checks.order_checks import check_orders
from shop_demo.facts import AlimtalkMessage, OrderFacts, OutboxEvent
from shop_demo.summary import OrderSummary
from tests.unit.shop_demo.builders import a_payment, order_facts

pytestmark = pytest.mark.unit


def checked(facts: OrderFacts) -> tuple[OrderSummary, tuple[str, ...]]:
    findings = Findings()
    return check_orders(facts, findings), findings.problems


def test_a_shop_in_order_has_no_problem() -> None:
    summary, problems = checked(order_facts(orders=3))
    assert problems == ()
    assert (summary.orders, summary.paid, summary.events_published) == (3, 3, 3)
    assert summary.effects.model_dump() == {"alimtalk": 3, "analytics": 3, "monitoring": 3}
    assert (summary.lost, summary.duplicated, summary.redelivered) == (0, 0, 0)
    assert set(summary.money) == {"orders", "payments", "ledger", "order-completed", "analytics"}
    assert all(sums == {"KRW": 90_000} for sums in summary.money.values())
    assert summary.payment_to_effects_ms.p99 == 200


def test_a_redelivered_record_is_counted_but_is_no_duplicate() -> None:
    facts = order_facts()
    again = replace(facts.published[0], offset=99)
    summary, problems = checked(replace(facts, published=(*facts.published, again)))
    assert (summary.redelivered, summary.duplicated, problems) == (1, 0, ())


def test_a_declined_payment_before_the_approved_one_is_no_problem() -> None:
    facts = order_facts()
    declined = a_payment(9, order=1, status="DECLINED")
    paid = (replace(facts.paid[0], declines=1), *facts.paid[1:])
    summary, problems = checked(replace(facts, paid=paid, payments=(*facts.payments, declined)))
    assert (summary.declined_first, problems) == (1, ())


def test_what_others_sell_on_the_same_stack_is_left_out() -> None:
    facts = order_facts()
    alimtalk = (*facts.alimtalk_messages, AlimtalkMessage("nhn", "foreign-event", sends=5))
    sales = {"KRW": 90_000 + 1_000, "JPY": 7}
    after = {**sales, "USD": 5}
    summary, problems = checked(
        replace(facts, alimtalk_messages=alimtalk, sales_reported=sales, sales_stored=after)
    )
    assert (summary.duplicated, problems) == (0, ())


def _lost_event(facts: OrderFacts) -> OrderFacts:
    return replace(facts, published=facts.published[1:])


def _no_outbox_row(facts: OrderFacts) -> OrderFacts:
    return replace(facts, outbox=facts.outbox[1:])


def _two_outbox_rows(facts: OrderFacts) -> OrderFacts:
    return replace(facts, outbox=(*facts.outbox, OutboxEvent("event-9", "order-1")))


def _message_sent_twice(facts: OrderFacts) -> OrderFacts:
    first, *others = facts.alimtalk_messages
    return replace(facts, alimtalk_messages=(replace(first, sends=2), *others))


def _message_missing(facts: OrderFacts) -> OrderFacts:
    return replace(facts, alimtalk_messages=facts.alimtalk_messages[:2])


def _monitoring_missing(facts: OrderFacts) -> OrderFacts:
    return replace(facts, monitoring_notices={"event-1": 1, "event-2": 1})


def _delivery_failed(facts: OrderFacts) -> OrderFacts:
    first = replace(facts.deliveries[0], status="FAILED", last_error="no such number")
    return replace(facts, deliveries=(first, *facts.deliveries[1:]))


def _delivery_missing(facts: OrderFacts) -> OrderFacts:
    return replace(facts, deliveries=facts.deliveries[:-1])


def _counted_wrongly(facts: OrderFacts) -> OrderFacts:
    return replace(facts, analytics=(replace(facts.analytics[0], total_amount=1), *facts.analytics[1:]))


def _api_reports_other_sales(facts: OrderFacts) -> OrderFacts:
    return replace(facts, sales_reported={"KRW": 1})


def _api_reports_more_than_is_stored(facts: OrderFacts) -> OrderFacts:
    return replace(facts, sales_reported={"KRW": 90_001})


def _payment_unknown_to_the_client(facts: OrderFacts) -> OrderFacts:
    return replace(facts, payments=(*facts.payments, a_payment(9, order=1)))


def _paid_but_not_completed(facts: OrderFacts) -> OrderFacts:
    return replace(facts, completed_orders=(facts.completed_orders[0], *facts.completed_orders[2:]))


def _not_all_paid(facts: OrderFacts) -> OrderFacts:
    return replace(facts, orders_sent=4)


def _reported_undelivered(facts: OrderFacts) -> OrderFacts:
    return replace(facts, reported_delivered={"order-1": frozenset({"alimtalk"})})


def _another_key(facts: OrderFacts) -> OrderFacts:
    return replace(facts, published=(replace(facts.published[0], key="order-2"), *facts.published[1:]))


def _wrong_total_answered(facts: OrderFacts) -> OrderFacts:
    return replace(facts, paid=(replace(facts.paid[0], total_amount=29_999), *facts.paid[1:]))


@pytest.mark.parametrize(
    ("bend", "words"),
    [
        (_lost_event, ("events on order-completed, missing: 1 (event-1)", "lost: expected 0, found 1")),
        (_no_outbox_row, ("OrderCompleted in the outbox: expected 3, found 2", "lost")),
        (
            _two_outbox_rows,
            ("OrderCompleted in the outbox: expected 3, found 4", "duplicated: expected 0, found 1"),
        ),
        (_message_sent_twice, ("duplicated: expected 0, found 1",)),
        (_message_missing, ("orders with alimtalk where it takes effect: expected 3, found 2", "lost")),
        (_monitoring_missing, ("orders with monitoring where it takes effect: expected 3, found 2", "lost")),
        (
            _delivery_failed,
            ("alimtalk delivered, by the database: expected 3, found 2", "of order-1: no such number"),
        ),
        (_delivery_missing, ("monitoring deliveries in the database: expected 3, found 2",)),
        (_counted_wrongly, ("money in analytics",)),
        (_api_reports_other_sales, ("sales reported by the analytics API, KRW: expected 90,000 to",)),
        (_api_reports_more_than_is_stored, ("expected 90,000 to 90,000, found 90,001",)),
        (_payment_unknown_to_the_client, ("approved payments in the database: expected 3, found 4",)),
        (_paid_but_not_completed, ("completed orders in the database, missing: 1 (order-2)",)),
        (_not_all_paid, ("orders placed and paid: expected 4, found 3",)),
        (
            _reported_undelivered,
            ("notification API does not report as delivered: 1 (order-1)",),
        ),
        (_another_key, ("events with another key than their order: 1 (event-1)",)),
        (_wrong_total_answered, ("sums that order-service answered",)),
    ],
)
def test_every_fault_is_named(bend: Callable[[OrderFacts], OrderFacts], words: tuple[str, ...]) -> None:
    _, problems = checked(bend(order_facts(orders=3)))
    for word in words:
        assert any(word in problem for problem in problems), problems
