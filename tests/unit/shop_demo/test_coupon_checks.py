from collections.abc import Callable
from dataclasses import replace

import pytest

from shop_demo.checks.coupon_checks import check_coupons
from shop_demo.checks.findings import Findings
from shop_demo.facts import AnsweredPress, CouponFacts, CouponRequest, UserCoupon
from shop_demo.summary import CouponSummary
from tests.unit.shop_demo.builders import coupon_facts

pytestmark = pytest.mark.unit


def checked(facts: CouponFacts) -> tuple[CouponSummary, tuple[str, ...]]:
    findings = Findings()
    return check_coupons(facts, findings), findings.problems


def test_a_shop_in_order_has_no_problem() -> None:
    summary, problems = checked(coupon_facts(users=4, stock=3, twice=1))
    assert problems == ()
    assert (summary.requests, summary.accepted, summary.issued) == (5, 5, 3)
    assert summary.rejected == {"DUPLICATE": 1, "SOLD_OUT": 1}
    assert (summary.undecided, summary.oversold, summary.duplicate_issues, summary.order_violations) == (
        0,
        0,
        0,
        0,
    )
    assert summary.click_to_decision_ms.p50 == pytest.approx(30, abs=0.2)


def test_fewer_users_than_stock_are_all_issued() -> None:
    summary, problems = checked(coupon_facts(users=2, stock=50, twice=2))
    assert problems == ()
    assert (summary.issued, summary.rejected) == (2, {"DUPLICATE": 2})


def test_a_redelivered_record_is_counted_but_is_no_problem() -> None:
    facts = coupon_facts()
    again = replace(facts.published[0], offset=99)
    summary, problems = checked(replace(facts, published=(*facts.published, again)))
    assert (summary.redelivered, problems) == (1, ())


def _without_last_coupon(facts: CouponFacts) -> CouponFacts:
    return replace(facts, user_coupons=facts.user_coupons[:-1])


def _oversold(facts: CouponFacts) -> CouponFacts:
    return replace(facts, stock=facts.stock - 1)


def _second_coupon_for_a_user(facts: CouponFacts) -> CouponFacts:
    return replace(facts, user_coupons=(*facts.user_coupons[:2], replace(facts.user_coupons[2], user_id=1)))


def _lost_request(facts: CouponFacts) -> CouponFacts:
    return replace(facts, stored=facts.stored[1:])


def _invented_request(facts: CouponFacts) -> CouponFacts:
    return replace(facts, stored=(*facts.stored, CouponRequest("foreign", 99, "ACCEPTED")))


def _unpublished(facts: CouponFacts) -> CouponFacts:
    return replace(facts, published=facts.published[:-1])


def _published_with_two_event_ids(facts: CouponFacts) -> CouponFacts:
    return replace(facts, published=(*facts.published, replace(facts.published[0], event_id="other")))


def _published_with_another_key(facts: CouponFacts) -> CouponFacts:
    return replace(facts, published=(replace(facts.published[0], key="8"), *facts.published[1:]))


def _reported_otherwise(facts: CouponFacts) -> CouponFacts:
    changed = replace(facts.reported["request-1"], status="REJECTED", reason="SOLD_OUT")
    return replace(facts, reported={**facts.reported, "request-1": changed})


def _refused_while_some_were_left(facts: CouponFacts) -> CouponFacts:
    return replace(facts, stock=facts.stock + 1, presses_sent=facts.presses_sent + 1, presses_refused=1)


def _one_press_unanswered(facts: CouponFacts) -> CouponFacts:
    return replace(facts, presses_sent=facts.presses_sent + 1)


def _same_request_id_twice(facts: CouponFacts) -> CouponFacts:
    repeated = replace(facts.presses[1], request_id="request-1")
    return replace(facts, presses=(facts.presses[0], repeated, *facts.presses[2:]))


def _undecided(facts: CouponFacts) -> CouponFacts:
    waiting = CouponRequest("request-5", 1, "ACCEPTED")
    return replace(
        facts, reported={**facts.reported, "request-5": waiting}, stored=(*facts.stored[:-1], waiting)
    )


def _gap_in_decision_numbers(facts: CouponFacts) -> CouponFacts:
    last = replace(facts.stored[-1], decision_number=77)
    return replace(
        facts, reported={**facts.reported, last.request_id: last}, stored=(*facts.stored[:-1], last)
    )


def _gap_in_issue_numbers(facts: CouponFacts) -> CouponFacts:
    return replace(facts, user_coupons=(*facts.user_coupons[:-1], UserCoupon(3, "request-3", 4)))


def _duplicate_called_sold_out(facts: CouponFacts) -> CouponFacts:
    last = replace(facts.stored[-1], reason="SOLD_OUT")
    return replace(
        facts, reported={**facts.reported, last.request_id: last}, stored=(*facts.stored[:-1], last)
    )


def _api_counts_otherwise(facts: CouponFacts) -> CouponFacts:
    return replace(facts, issued_quantity_reported=facts.issued_quantity_reported - 1)


def _overtaken(facts: CouponFacts) -> CouponFacts:
    first = facts.presses[0]
    late = AnsweredPress(
        first.user_id, first.request_id, first.sent_at_ns + 10**9, first.answered_at_ns + 10**9
    )
    return replace(facts, presses=(late, *facts.presses[1:]))


@pytest.mark.parametrize(
    ("bend", "word"),
    [
        (_without_last_coupon, "coupons issued: expected 3, found 2"),
        (_oversold, "coupons oversold: expected 0, found 1"),
        (_second_coupon_for_a_user, "coupons issued twice to a user: expected 0, found 1"),
        (_lost_request, "coupon requests in the database, missing: 1 (request-1)"),
        (_invented_request, "coupon requests in the database, unexpected: 1 (foreign)"),
        (_unpublished, "coupon requests on the topic, missing: 1 (request-5)"),
        (_published_with_two_event_ids, "events on coupon-publish-request: expected 5, found 6"),
        (_published_with_another_key, "events of this coupon with another key: 1 (event-0)"),
        (_reported_otherwise, "that differ between API and database: 1 (request-1)"),
        (_one_press_unanswered, "presses answered 202: expected 6, found 5"),
        (_refused_while_some_were_left, "presses called sold out too early: expected 0, found 1"),
        (_same_request_id_twice, "request ids handed out: expected 5, found 4"),
        (_undecided, "coupon requests undecided: expected 0, found 1"),
        (_gap_in_decision_numbers, "decision numbers without gap or repetition"),
        (_gap_in_issue_numbers, "issue numbers without gap or repetition"),
        (_duplicate_called_sold_out, "not decided as one at a time in order would be: 1 (request-5)"),
        (_api_counts_otherwise, "coupons issued, by the API: expected 3, found 2"),
        (_overtaken, "decided before one that was answered before they were sent: expected 0, found 1"),
    ],
)
def test_every_fault_is_named(bend: Callable[[CouponFacts], CouponFacts], word: str) -> None:
    _, problems = checked(bend(coupon_facts(users=4, stock=3, twice=1)))
    assert any(word in problem for problem in problems), problems


def test_presses_refused_once_everything_is_issued_are_no_fault() -> None:
    facts = coupon_facts(users=4, stock=3, twice=0)
    summary, problems = checked(replace(facts, presses_sent=facts.presses_sent + 9, presses_refused=9))
    assert problems == ()
    assert (summary.requests, summary.accepted, summary.refused) == (13, 4, 9)
