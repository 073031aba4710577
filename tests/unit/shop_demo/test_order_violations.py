import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_demo.order_violations import DecidedRequest, count_order_violations

pytestmark = pytest.mark.unit


def counted_one_by_one(requests: list[DecidedRequest]) -> int:
    def place(request: DecidedRequest) -> float:
        return float("inf") if request.decision_number is None else request.decision_number

    return sum(
        any(a.answered_at_ns < b.sent_at_ns and place(b) < place(a) for a in requests) for b in requests
    )


@st.composite
def decided_requests(draw: st.DrawFn) -> list[DecidedRequest]:
    spans = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), max_size=20))
    numbers = draw(st.permutations(range(1, len(spans) + 1)))
    undecided = draw(st.lists(st.booleans(), min_size=len(spans), max_size=len(spans)))
    return [
        DecidedRequest(sent, sent + took, None if skip else number)
        for (sent, took), number, skip in zip(spans, numbers, undecided, strict=True)
    ]


@given(decided_requests())
def test_the_sweep_counts_what_comparing_every_pair_counts(requests: list[DecidedRequest]) -> None:
    assert count_order_violations(requests) == counted_one_by_one(requests)


def test_overlapping_requests_may_be_decided_in_either_order() -> None:
    assert count_order_violations([DecidedRequest(0, 10, 2), DecidedRequest(5, 6, 1)]) == 0


def test_a_request_decided_before_an_earlier_answered_one_is_a_violation() -> None:
    assert count_order_violations([DecidedRequest(0, 10, 2), DecidedRequest(11, 12, 1)]) == 1


def test_a_decision_before_an_earlier_answered_request_is_a_violation() -> None:
    assert count_order_violations([DecidedRequest(0, 10, None), DecidedRequest(11, 12, 1)]) == 1


def test_nothing_asked_nothing_violated() -> None:
    assert count_order_violations([]) == 0
