"""First come, first served, as a pure function."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupon_service.domain.coupon_request import CouponRequest, Decision, RejectionReason, RequestStatus
from coupon_service.domain.deciding import CouponStock, decide, decide_all, reject_unknown
from coupon_service.domain.period import Pause
from tests.support.coupon_builders import DURING, ENDS_AT, STARTS_AT, a_coupon_request, a_coupon_stock

INSTANT = timedelta(microseconds=1)
PAUSED_AT, RESUMED_AT = DURING + timedelta(hours=1), DURING + timedelta(hours=2)
ENDED_AT = DURING + timedelta(hours=3)


def one_at_a_time(
    stock: CouponStock, copies: Mapping[int, int], requests: list[CouponRequest]
) -> list[Decision]:
    """The oracle: each request is decided alone, on what the one before left behind."""
    decisions = []
    for request in requests:
        number, at = stock.decided_count + 1, request.requested_at
        last_moment = stock.period.ends_at if stock.ended_at is None else stock.ended_at
        paused = [pause for pause in stock.pauses if pause.paused_at <= at < (pause.resumed_at or ENDS_AT)]
        got = copies.get(request.user_id, 0)
        if at >= last_moment:
            decision = Decision(request, number, reason=RejectionReason.ENDED)
        elif at < stock.period.starts_at:
            decision = Decision(request, number, reason=RejectionReason.NOT_STARTED)
        elif paused:
            decision = Decision(request, number, reason=RejectionReason.PAUSED)
        elif got == stock.limit_per_user:
            decision = Decision(request, number, reason=RejectionReason.DUPLICATE)
        elif stock.issued_quantity == stock.total_quantity:
            decision = Decision(request, number, reason=RejectionReason.SOLD_OUT)
        else:
            stock = replace(stock, issued_quantity=stock.issued_quantity + 1)
            copies = {**copies, request.user_id: got + 1}
            decision = Decision(request, number, issue_number=stock.issued_quantity, copy_number=got + 1)
        stock = replace(stock, decided_count=number)
        decisions.append(decision)
    return decisions


@st.composite
def drops(draw: st.DrawFn) -> tuple[CouponStock, dict[int, int]]:
    """A coupon somewhere in its life, and how many of it some users have got."""
    total = draw(st.integers(1, 6))
    issued = draw(st.integers(0, total))
    decided = draw(st.integers(issued, issued + 10))
    limit = draw(st.integers(1, 3))
    pauses = [
        [],
        [Pause(PAUSED_AT)],
        [Pause(PAUSED_AT, RESUMED_AT)],
        [Pause(STARTS_AT, DURING), Pause(PAUSED_AT)],
    ]
    stock = a_coupon_stock(
        total_quantity=total,
        issued_quantity=issued,
        decided_count=decided,
        limit_per_user=limit,
        pauses=draw(st.sampled_from(pauses)),
        ended_at=draw(st.none() | st.just(ENDED_AT)),
    )
    return stock, draw(st.dictionaries(st.integers(1, 6), st.integers(1, limit)))


MOMENTS = [STARTS_AT - INSTANT, STARTS_AT, DURING, DURING, DURING, ENDS_AT - INSTANT, ENDS_AT] + [
    edge - before for edge in (PAUSED_AT, RESUMED_AT, ENDED_AT) for before in (INSTANT, 0 * INSTANT)
]
requests_in_order = st.lists(
    st.builds(a_coupon_request, user_id=st.integers(1, 6), requested_at=st.sampled_from(MOMENTS)), max_size=20
)


@given(drops(), requests_in_order)
def test_deciding_many_equals_deciding_one_at_a_time(
    drop: tuple[CouponStock, dict[int, int]], requests: list[CouponRequest]
) -> None:
    stock, copies = drop
    assert decide(stock, copies, requests) == one_at_a_time(stock, copies, requests)


@given(
    st.dictionaries(st.integers(1, 3), drops()),
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4), st.sampled_from(MOMENTS)), max_size=30),
)
def test_deciding_several_coupons_at_once_equals_each_alone_in_turn(
    coupons: dict[int, tuple[CouponStock, dict[int, int]]], pressed: list[tuple[int, int, datetime]]
) -> None:
    requests = [a_coupon_request(user_id, coupon_id, at) for coupon_id, user_id, at in pressed]
    stocks = {coupon_id: replace(stock, coupon_id=coupon_id) for coupon_id, (stock, _) in coupons.items()}
    copies = {coupon_id: copies for coupon_id, (_, copies) in coupons.items()}

    decisions = decide_all(stocks, copies, requests)

    assert {decision.request for decision in decisions} == set(requests)
    for coupon_id in (1, 2, 3):
        mine = [request for request in requests if request.coupon_id == coupon_id]
        decided = [decision for decision in decisions if decision.request.coupon_id == coupon_id]
        if coupon_id in stocks:
            assert decided == one_at_a_time(stocks[coupon_id], copies[coupon_id], mine)
        else:
            assert decided == reject_unknown(mine)


@given(drops(), requests_in_order, st.integers(0, 20))
def test_where_a_batch_is_cut_makes_no_difference(
    drop: tuple[CouponStock, dict[int, int]], requests: list[CouponRequest], cut: int
) -> None:
    stock, copies = drop
    first = decide(stock, copies, requests[:cut])
    issued = [decision for decision in first if decision.status is RequestStatus.ISSUED]
    then = replace(
        stock,
        decided_count=stock.decided_count + len(first),
        issued_quantity=stock.issued_quantity + len(issued),
    )
    got = Counter(copies) + Counter(decision.request.user_id for decision in issued)

    assert first + decide(then, got, requests[cut:]) == decide(stock, copies, requests)


@given(drops(), requests_in_order)
def test_no_user_gets_more_than_the_limit_and_copies_are_numbered(
    drop: tuple[CouponStock, dict[int, int]], requests: list[CouponRequest]
) -> None:
    stock, copies = drop
    numbers: dict[int, list[int]] = {}
    for decision in decide(stock, copies, requests):
        if decision.copy_number is not None:
            numbers.setdefault(decision.request.user_id, []).append(decision.copy_number)

    for user_id, got in numbers.items():
        first = copies.get(user_id, 0) + 1
        assert got == list(range(first, first + len(got)))
        assert got[-1] <= stock.limit_per_user


@pytest.mark.parametrize(
    ("requested_at", "reason"),
    [
        (PAUSED_AT - INSTANT, None),
        (PAUSED_AT, RejectionReason.PAUSED),
        (RESUMED_AT - INSTANT, RejectionReason.PAUSED),
        (RESUMED_AT, None),
        (ENDED_AT - INSTANT, None),
        (ENDED_AT, RejectionReason.ENDED),
    ],
)
def test_the_time_of_acceptance_counts_in_a_pause_and_at_an_early_end(
    requested_at: datetime, reason: RejectionReason | None
) -> None:
    stock = a_coupon_stock(pauses=[Pause(PAUSED_AT, RESUMED_AT)], ended_at=ENDED_AT)

    [decision] = decide(stock, {}, [a_coupon_request(requested_at=requested_at)])

    assert decision.reason is reason


def test_the_last_coupon_goes_to_the_user_that_asked_first() -> None:
    first, second = a_coupon_request(user_id=1), a_coupon_request(user_id=2)

    decisions = decide(a_coupon_stock(total_quantity=1), {}, [first, second])

    assert decisions == [
        Decision(first, 1, issue_number=1, copy_number=1),
        Decision(second, 2, reason=RejectionReason.SOLD_OUT),
    ]


def test_a_holder_that_asks_after_the_last_coupon_is_a_duplicate() -> None:
    stock = a_coupon_stock(total_quantity=1, issued_quantity=1, decided_count=1)

    [decision] = decide(stock, {7: 1}, [a_coupon_request(user_id=7)])

    assert decision.reason is RejectionReason.DUPLICATE


def test_time_goes_before_everything_else() -> None:
    stock = a_coupon_stock(total_quantity=1, issued_quantity=1, decided_count=1)
    early = a_coupon_request(user_id=7, requested_at=STARTS_AT - INSTANT)
    late = a_coupon_request(user_id=7, requested_at=ENDS_AT)

    reasons = [decision.reason for decision in decide(stock, {7: 1}, [early, late])]

    assert reasons == [RejectionReason.NOT_STARTED, RejectionReason.ENDED]


def test_a_request_at_the_start_is_in_time_and_one_at_the_end_is_not() -> None:
    at_start = a_coupon_request(user_id=1, requested_at=STARTS_AT)
    at_end = a_coupon_request(user_id=2, requested_at=ENDS_AT)

    decisions = decide(a_coupon_stock(), {}, [at_start, at_end])

    assert [decision.status for decision in decisions] == [RequestStatus.ISSUED, RequestStatus.REJECTED]


def test_a_request_for_an_unknown_coupon_has_no_place_in_any_order() -> None:
    request = a_coupon_request()

    assert reject_unknown([request]) == [
        Decision(request, decision_number=None, reason=RejectionReason.UNKNOWN_COUPON)
    ]
