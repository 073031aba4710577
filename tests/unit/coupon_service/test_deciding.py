"""First come, first served, as a pure function."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from coupon_service.domain.coupon_request import CouponRequest, Decision, RejectionReason, RequestStatus
from coupon_service.domain.deciding import CouponStock, decide, reject_unknown
from tests.support.coupon_builders import DURING, ENDS_AT, STARTS_AT, a_coupon_request, a_coupon_stock

INSTANT = timedelta(microseconds=1)


def one_at_a_time(stock: CouponStock, holders: set[int], requests: list[CouponRequest]) -> list[Decision]:
    """The oracle: each request is decided alone, on what the one before left behind."""
    decisions = []
    for request in requests:
        number = stock.decided_count + 1
        if request.requested_at < stock.period.starts_at:
            decision = Decision(request, number, reason=RejectionReason.NOT_STARTED)
        elif request.requested_at >= stock.period.ends_at:
            decision = Decision(request, number, reason=RejectionReason.ENDED)
        elif request.user_id in holders:
            decision = Decision(request, number, reason=RejectionReason.DUPLICATE)
        elif stock.issued_quantity == stock.total_quantity:
            decision = Decision(request, number, reason=RejectionReason.SOLD_OUT)
        else:
            stock = replace(stock, issued_quantity=stock.issued_quantity + 1)
            holders = holders | {request.user_id}
            decision = Decision(request, number, issue_number=stock.issued_quantity)
        stock = replace(stock, decided_count=number)
        decisions.append(decision)
    return decisions


@st.composite
def stocks(draw: st.DrawFn) -> CouponStock:
    total = draw(st.integers(1, 6))
    issued = draw(st.integers(0, total))
    decided = draw(st.integers(issued, issued + 10))
    return a_coupon_stock(total_quantity=total, issued_quantity=issued, decided_count=decided)


requests_in_order = st.lists(
    st.builds(
        a_coupon_request,
        user_id=st.integers(1, 6),
        requested_at=st.sampled_from(
            [STARTS_AT - INSTANT, STARTS_AT, DURING, DURING, DURING, ENDS_AT - INSTANT, ENDS_AT]
        ),
    ),
    max_size=20,
)


@given(stocks(), st.sets(st.integers(1, 6)), requests_in_order)
def test_deciding_many_equals_deciding_one_at_a_time(
    stock: CouponStock, holders: set[int], requests: list[CouponRequest]
) -> None:
    assert decide(stock, holders, requests) == one_at_a_time(stock, holders, requests)


@given(stocks(), st.sets(st.integers(1, 6)), requests_in_order, st.integers(0, 20))
def test_where_a_batch_is_cut_makes_no_difference(
    stock: CouponStock, holders: set[int], requests: list[CouponRequest], cut: int
) -> None:
    first = decide(stock, holders, requests[:cut])
    issued = [decision for decision in first if decision.status is RequestStatus.ISSUED]
    then = replace(
        stock,
        decided_count=stock.decided_count + len(first),
        issued_quantity=stock.issued_quantity + len(issued),
    )
    holders_then = holders | {decision.request.user_id for decision in issued}

    assert first + decide(then, holders_then, requests[cut:]) == decide(stock, holders, requests)


def test_the_last_coupon_goes_to_the_user_that_asked_first() -> None:
    first, second = a_coupon_request(user_id=1), a_coupon_request(user_id=2)

    decisions = decide(a_coupon_stock(total_quantity=1), set(), [first, second])

    assert decisions == [
        Decision(first, 1, issue_number=1),
        Decision(second, 2, reason=RejectionReason.SOLD_OUT),
    ]


def test_a_holder_that_asks_after_the_last_coupon_is_a_duplicate() -> None:
    stock = a_coupon_stock(total_quantity=1, issued_quantity=1, decided_count=1)

    [decision] = decide(stock, {7}, [a_coupon_request(user_id=7)])

    assert decision.reason is RejectionReason.DUPLICATE


def test_time_goes_before_everything_else() -> None:
    stock = a_coupon_stock(total_quantity=1, issued_quantity=1, decided_count=1)
    early = a_coupon_request(user_id=7, requested_at=STARTS_AT - INSTANT)
    late = a_coupon_request(user_id=7, requested_at=ENDS_AT)

    reasons = [decision.reason for decision in decide(stock, {7}, [early, late])]

    assert reasons == [RejectionReason.NOT_STARTED, RejectionReason.ENDED]


def test_a_request_at_the_start_is_in_time_and_one_at_the_end_is_not() -> None:
    at_start = a_coupon_request(user_id=1, requested_at=STARTS_AT)
    at_end = a_coupon_request(user_id=2, requested_at=ENDS_AT)

    decisions = decide(a_coupon_stock(), set(), [at_start, at_end])

    assert [decision.status for decision in decisions] == [RequestStatus.ISSUED, RequestStatus.REJECTED]


def test_a_request_for_an_unknown_coupon_has_no_place_in_any_order() -> None:
    request = a_coupon_request()

    assert reject_unknown([request]) == [
        Decision(request, decision_number=None, reason=RejectionReason.UNKNOWN_COUPON)
    ]
