from collections.abc import Callable
from dataclasses import replace

import pytest

from shop_demo.checks.alimtalk_checks import check_alimtalk
from shop_demo.checks.findings import Findings
from shop_demo.facts import AlimtalkMessage, Delivery, OrderFacts
from shop_demo.summary import AlimtalkSummary
from tests.unit.shop_demo.builders import order_facts

pytestmark = pytest.mark.unit


def checked(facts: OrderFacts) -> tuple[AlimtalkSummary, tuple[str, ...]]:
    findings = Findings()
    return check_alimtalk(facts, findings), findings.problems


def asked_for_results(facts: OrderFacts, provider: str) -> OrderFacts:
    """All webhooks of the provider were lost."""
    asked = (
        replace(each, result_questions=1) if each.provider == provider else each for each in facts.deliveries
    )
    return replace(facts, deliveries=tuple(asked))


def of_event_1(facts: OrderFacts, **changes: str | int | None) -> tuple[Delivery, ...]:
    """The deliveries with another one of the first order's alimtalk."""
    return tuple(
        replace(each, **changes) if (each.event_id, each.effect) == ("event-1", "ALIMTALK") else each  # type: ignore[arg-type]
        for each in facts.deliveries
    )


def by_own_provider(facts: OrderFacts) -> OrderFacts:
    """What a stack without SOLAPI and NHN has: no results, and no faults."""
    return replace(
        facts,
        alimtalk_messages=tuple(replace(each, provider="sandbox") for each in facts.alimtalk_messages),
        deliveries=tuple(replace(each, provider="sandbox", result_code=None) for each in facts.deliveries),
        replies_lost=(),
        found_by_look_up=frozenset(),
    )


def test_messages_are_counted_by_provider_and_by_what_became_of_them() -> None:
    summary, problems = checked(order_facts(orders=3))
    assert problems == ()
    assert list(summary.by_provider.items()) == [("solapi", 2), ("nhn", 1)]
    assert (summary.replies_lost, summary.delivered) == (1, 3)
    assert (summary.by_webhook, summary.by_query) == (2, 1)


def test_the_acceptance_of_the_sandboxs_own_provider_is_final() -> None:
    summary, problems = checked(by_own_provider(order_facts(orders=3)))
    assert problems == ()
    assert (summary.by_provider, summary.replies_lost, summary.delivered) == ({"sandbox": 3}, 0, 3)
    assert (summary.by_webhook, summary.by_query) == (0, 0)


def test_a_webhook_finds_a_message_whose_reply_was_lost() -> None:
    facts = order_facts()
    by_webhook = replace(
        facts, deliveries=of_event_1(facts, result_questions=0), found_by_look_up=frozenset()
    )
    assert checked(by_webhook)[1] == ()


def test_messages_of_others_are_left_out() -> None:
    facts = order_facts()
    foreign = AlimtalkMessage("nhn", "foreign-event")
    summary, problems = checked(
        replace(
            facts,
            alimtalk_messages=(*facts.alimtalk_messages, foreign),
            replies_lost=(*facts.replies_lost, "foreign-event"),
        )
    )
    assert problems == ()
    assert (summary.by_provider["nhn"], summary.replies_lost) == (1, 1)


def test_few_orders_see_no_outage() -> None:
    facts = order_facts(orders=1)
    by_first = tuple(replace(each, provider="solapi") for each in facts.alimtalk_messages)
    deliveries = of_event_1(facts, provider="solapi")
    some = replace(facts, alimtalk_messages=by_first, deliveries=deliveries, first_provider_failed=False)
    assert checked(some)[1] == ()


def test_webhooks_that_the_demo_itself_had_dropped_are_not_missed() -> None:
    facts = replace(order_facts(orders=3), webhooks_dropped={"solapi": 1, "nhn": 1})
    summary, problems = checked(asked_for_results(asked_for_results(facts, "solapi"), "nhn"))
    assert problems == ()
    assert (summary.by_webhook, summary.by_query) == (0, 3)


def test_one_webhook_of_a_provider_is_enough() -> None:
    facts = asked_for_results(order_facts(orders=9), "solapi")
    assert checked(replace(facts, deliveries=of_event_1(facts, result_questions=0)))[1] == ()


def _no_webhook_of_the_first_provider(facts: OrderFacts) -> OrderFacts:
    return asked_for_results(facts, "solapi")


def _no_webhook_of_the_second_provider(facts: OrderFacts) -> OrderFacts:
    return asked_for_results(facts, "nhn")


def _sent_by_both(facts: OrderFacts) -> OrderFacts:
    twice = AlimtalkMessage("nhn", "event-1")
    return replace(facts, alimtalk_messages=(*facts.alimtalk_messages, twice))


def _database_names_another_provider(facts: OrderFacts) -> OrderFacts:
    return replace(facts, deliveries=of_event_1(facts, provider="nhn"))


def _delivered_without_a_result(facts: OrderFacts) -> OrderFacts:
    return replace(facts, deliveries=of_event_1(facts, result_code=None))


def _only_accepted(facts: OrderFacts) -> OrderFacts:
    return replace(facts, deliveries=of_event_1(facts, status="ACCEPTED", result_code=None))


def _failed_by_its_result(facts: OrderFacts) -> OrderFacts:
    return replace(facts, deliveries=of_event_1(facts, status="FAILED", result_code="3014"))


def _delivered_against_the_providers_word(facts: OrderFacts) -> OrderFacts:
    first, *others = facts.alimtalk_messages
    return replace(facts, alimtalk_messages=(replace(first, is_delivered=False), *others))


def _lost_reply_never_looked_up(facts: OrderFacts) -> OrderFacts:
    return replace(facts, found_by_look_up=frozenset())


def _no_reply_lost(facts: OrderFacts) -> OrderFacts:
    return replace(facts, replies_lost=())


def _nothing_taken_over(facts: OrderFacts) -> OrderFacts:
    messages = tuple(replace(each, provider="solapi") for each in facts.alimtalk_messages)
    deliveries = tuple(
        replace(each, provider="solapi") if each.effect == "ALIMTALK" else each for each in facts.deliveries
    )
    return replace(facts, alimtalk_messages=messages, deliveries=deliveries)


@pytest.mark.parametrize(
    ("bend", "problem"),
    [
        (_sent_by_both, "messages by nhn, by the database, missing: 1 (event-1)"),
        (_database_names_another_provider, "messages by nhn, by the database, unexpected: 1 (event-1)"),
        (_database_names_another_provider, "messages by solapi, by the database, missing: 1 (event-1)"),
        (_delivered_without_a_result, "messages delivered, by final results, missing: 1 (event-1)"),
        (_only_accepted, "messages delivered, by final results, missing: 1 (event-1)"),
        (_failed_by_its_result, "messages delivered, by final results, missing: 1 (event-1)"),
        (
            _delivered_against_the_providers_word,
            "messages delivered, by final results, unexpected: 1 (event-1)",
        ),
        (
            _lost_reply_never_looked_up,
            "messages whose reply was lost, and that neither a look-up nor a webhook has found: 1 (event-1)",
        ),
        (_no_reply_lost, "messages whose reply was lost: expected some, found 0"),
        (_nothing_taken_over, "messages by nhn while solapi failed: expected some, found 0"),
        (
            _no_webhook_of_the_first_provider,
            "final results by a webhook of solapi: expected some, found 0",
        ),
        (
            _no_webhook_of_the_second_provider,
            "final results by a webhook of nhn: expected some, found 0",
        ),
    ],
)
def test_every_contradiction_is_named(bend: Callable[[OrderFacts], OrderFacts], problem: str) -> None:
    _, problems = checked(bend(order_facts(orders=3)))
    assert problem in problems
