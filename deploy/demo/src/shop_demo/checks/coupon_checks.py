"""Do clients, API, database and topic agree on the coupon, and was it decided as one at a time in order?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from shop_demo.checks.findings import Findings
from shop_demo.facts import CouponFacts, CouponRequest
from shop_demo.order_violations import DecidedRequest, count_order_violations
from shop_demo.summary import CouponSummary, Percentiles


def check_coupons(facts: CouponFacts, findings: Findings) -> CouponSummary:
    """The summary's figures; whatever contradicts another is added to `findings`."""
    summary = _figures(facts)
    _check_requests(facts, summary, findings)
    _check_issues(facts, summary, findings)
    findings.expect_none(
        "coupon requests not decided as one at a time in order would be",
        _wrongly_decided(facts.stored, facts.stock),
    )
    for what, found in (
        ("coupon requests undecided", summary.undecided),
        ("coupons oversold", summary.oversold),
        ("coupons issued twice to a user", summary.duplicate_issues),
        (
            "coupon requests decided before one that was answered before they were sent",
            summary.order_violations,
        ),
    ):
        findings.expect(what, expected=0, found=found)
    return summary


def _figures(facts: CouponFacts) -> CouponSummary:
    final = [
        request for press in facts.presses if (request := facts.reported.get(press.request_id)) is not None
    ]
    users = Counter(coupon.user_id for coupon in facts.user_coupons)
    issued = len(facts.user_coupons)
    published_requests = {event.subject_id for event in facts.published}
    return CouponSummary(
        coupon_id=facts.coupon_id,
        stock=facts.stock,
        requests=facts.presses_sent,
        accepted=len({press.request_id for press in facts.presses}),
        refused=facts.presses_refused,
        issued=issued,
        rejected=dict(sorted(Counter(str(r.reason) for r in final if r.status == "REJECTED").items())),
        undecided=len(facts.presses) - sum(request.status in {"ISSUED", "REJECTED"} for request in final),
        oversold=max(0, issued - facts.stock),
        duplicate_issues=sum(count - 1 for count in users.values()),
        order_violations=count_order_violations(
            DecidedRequest(p.sent_at_ns, p.answered_at_ns, _decision_number(facts.reported, p.request_id))
            for p in facts.presses
        ),
        click_to_decision_ms=Percentiles.of(
            _epoch_ms(request.decided_at) - press.sent_at_ns / 1e6
            for press in facts.presses
            if (request := facts.reported.get(press.request_id)) is not None
            and request.decided_at is not None
        ),
        events_published=len(published_requests),
        redelivered=len(facts.published) - len(published_requests),
    )


def _check_requests(facts: CouponFacts, summary: CouponSummary, findings: Findings) -> None:
    accepted = {press.request_id for press in facts.presses}
    expected = facts.presses_sent - facts.presses_refused
    findings.expect("presses answered 202", expected=expected, found=len(facts.presses))
    if summary.issued < facts.stock:
        findings.expect("presses called sold out too early", expected=0, found=facts.presses_refused)
    findings.expect("request ids handed out", expected=len(facts.presses), found=len(accepted))
    findings.expect_same_ids(
        "coupon requests in the database",
        expected=accepted,
        found=(request.request_id for request in facts.stored),
    )
    findings.expect_same_ids(
        "coupon requests on the topic",
        expected=accepted,
        found=(event.subject_id for event in facts.published),
    )
    findings.expect(
        "events on coupon-publish-request",
        expected=summary.events_published,
        found=len({event.event_id for event in facts.published}),
    )
    findings.expect_none(
        "events of this coupon with another key",
        (event.event_id for event in facts.published if event.key != str(facts.coupon_id)),
    )
    findings.expect_none(
        "coupon requests that differ between API and database",
        (
            r.request_id
            for r in facts.stored
            if r.request_id in facts.reported and facts.reported[r.request_id] != r
        ),
    )


def _check_issues(facts: CouponFacts, summary: CouponSummary, findings: Findings) -> None:
    users = {press.user_id for press in facts.presses}
    issued = [request for request in facts.stored if request.status == "ISSUED"]
    findings.expect("coupons issued", expected=min(facts.stock, len(users)), found=summary.issued)
    findings.expect(
        "coupons issued, by the API", expected=summary.issued, found=facts.issued_quantity_reported
    )
    findings.expect_same_ids(
        "requests behind the users' coupons",
        expected=(request.request_id for request in issued),
        found=(coupon.request_id for coupon in facts.user_coupons),
    )
    findings.expect("coupon requests issued", expected=summary.issued, found=len(issued))
    _expect_gapless(
        findings, "decision numbers", [r.decision_number for r in facts.stored if r.decision_number]
    )
    _expect_gapless(findings, "issue numbers", [coupon.issue_number for coupon in facts.user_coupons])


def _expect_gapless(findings: Findings, what: str, numbers: Sequence[int]) -> None:
    if sorted(numbers) != list(range(1, len(numbers) + 1)):
        findings.expect(f"{what} without gap or repetition", expected=f"1 … {len(numbers)}", found="others")


def _wrongly_decided(stored: Sequence[CouponRequest], stock: int) -> list[str]:
    """Decides everything once more, one at a time, and names the requests with another outcome."""
    holders: set[int] = set()
    wrong = []
    decided = (request for request in stored if request.decision_number is not None)
    for request in sorted(decided, key=lambda request: request.decision_number or 0):
        if request.user_id in holders:
            outcome: tuple[str, str | None] = ("REJECTED", "DUPLICATE")
        elif len(holders) >= stock:
            outcome = ("REJECTED", "SOLD_OUT")
        else:
            outcome = ("ISSUED", None)
            holders.add(request.user_id)
        if (request.status, request.reason) != outcome:
            wrong.append(request.request_id)
    return wrong


def _decision_number(reported: Mapping[str, CouponRequest], request_id: str) -> int | None:
    return reported[request_id].decision_number if request_id in reported else None


def _epoch_ms(moment: datetime) -> float:
    return moment.timestamp() * 1000
