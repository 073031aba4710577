"""What keeps a request from its decision, and how much is kept of what was found, as pure functions."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupon_service.domain.reconciling import (
    DESCRIPTIONS,
    CouponCount,
    DeadLetterState,
    DifferenceKind,
    EventState,
    Findings,
    Place,
    UndecidedRequests,
    Waiting,
    counter_differences,
    ranges_of,
    why_undecided,
)

Kind = DifferenceKind
APPLIED, NOT_APPLIED = (0, 4), (0, 5)
NEXT_OFFSETS = {0: 5}


@pytest.mark.parametrize(
    ("event", "place", "letter", "why"),
    [
        (EventState.UNPUBLISHED, None, None, Waiting.FOR_RELAY),
        (EventState.UNPUBLISHED, APPLIED, None, Waiting.FOR_RELAY),
        (EventState.PARKED, None, None, Kind.EVENT_PARKED),
        (EventState.PUBLISHED, NOT_APPLIED, None, Waiting.FOR_WORKER),
        (EventState.NONE, NOT_APPLIED, None, Waiting.FOR_WORKER),
        (EventState.PUBLISHED, (7, 0), None, Waiting.FOR_WORKER),
        (EventState.PUBLISHED, APPLIED, None, Kind.APPLIED_WITHOUT_DECISION),
        (EventState.PUBLISHED, APPLIED, "REPLAYED", Kind.APPLIED_WITHOUT_DECISION),
        (EventState.PUBLISHED, APPLIED, "OPEN", Kind.EVENT_SET_ASIDE),
        (EventState.PUBLISHED, APPLIED, "DISCARDED", Kind.EVENT_GIVEN_UP),
        (EventState.DISCARDED, None, None, Kind.EVENT_GIVEN_UP),
        (EventState.PUBLISHED, None, None, Kind.EVENT_LOST),
        (EventState.NONE, None, None, Kind.EVENT_MISSING),
    ],
)
def test_what_keeps_a_request_from_its_decision(
    event: EventState, place: Place | None, letter: DeadLetterState | None, why: DifferenceKind | Waiting
) -> None:
    letters = {} if letter is None or place is None else {place: letter}
    assert why_undecided(event, place, NEXT_OFFSETS, letters.get) is why


@given(st.sets(st.uuids(), max_size=50), st.uuids())
def test_undecided_requests_are_found_by_id_and_no_others(ids: set[UUID], other: UUID) -> None:
    undecided = UndecidedRequests()
    for request_id in sorted(ids):
        undecided.add(request_id)
    for number, request_id in enumerate(sorted(ids)):
        undecided.saw_record(request_id, (number % 3, number))
        undecided.saw_event(request_id, EventState.PUBLISHED)
        undecided.saw_event(request_id, EventState.DISCARDED)
    if other not in ids:
        undecided.saw_record(other, (9, 9))
    assert list(undecided) == [
        (request_id, EventState.PUBLISHED, (number % 3, number))
        for number, request_id in enumerate(sorted(ids))
    ]


@given(
    st.lists(st.tuples(st.integers(1, 99), st.integers(0, 40)), max_size=8, unique_by=lambda pair: pair[0]),
    st.integers(1, 15),
)
def test_ranges_cover_each_number_once_in_groups_of_bounded_size(
    highest: list[tuple[int, int]], numbers: int
) -> None:
    groups = list(ranges_of(highest, numbers))
    covered = [
        (one.coupon_id, number)
        for group in groups
        for one in group
        for number in range(one.after + 1, one.until + 1)
    ]
    assert covered == [(coupon_id, number) for coupon_id, last in highest for number in range(1, last + 1)]
    assert all(0 < sum(one.until - one.after for one in group) <= numbers for group in groups)


def test_counts_are_whole_and_ids_are_bounded() -> None:
    findings = Findings(max_ids=2)
    for number in range(5):
        findings.add(Kind.EVENT_LOST, number)
    assert (findings.counts[Kind.EVENT_LOST], findings.ids[Kind.EVENT_LOST]) == (5, ["0", "1"])


@pytest.mark.parametrize(
    ("count", "kinds"),
    [
        (CouponCount(1, 10, 3, 5, 3, 5), []),
        # Rejected requests that were the last ones are removed after a time.
        (CouponCount(1, 10, 3, 9, 3, 5), []),
        (CouponCount(1, 10, 2, 5, 3, 5), [Kind.ISSUED_QUANTITY_WRONG]),
        (CouponCount(1, 10, 4, 5, 3, 5), [Kind.ISSUED_QUANTITY_WRONG]),
        (CouponCount(1, 10, 3, 4, 3, 5), [Kind.DECIDED_COUNT_WRONG]),
        (CouponCount(1, 2, 2, 5, 3, 5), [Kind.ISSUED_QUANTITY_WRONG, Kind.OVERSOLD]),
    ],
)
def test_counters_are_compared_with_the_highest_numbers(count: CouponCount, kinds: list[Kind]) -> None:
    assert [kind for kind, _ in counter_differences(count)] == kinds


def test_each_kind_is_described() -> None:
    assert DESCRIPTIONS.keys() == set(Kind)
