"""What a provider's results make of a delivery, and when it is asked for them."""

from itertools import permutations, product

import pytest

from notification_service.domain.alimtalk_results import ProviderResult, ResultState
from notification_service.domain.delivery import DeliveryStatus, may_become
from notification_service.domain.final_result import (
    may_be_doubled,
    status_after,
    status_after_contradiction,
)
from notification_service.domain.result_schedule import pause_before_question

S, R = DeliveryStatus, ResultState
CHANGES = {
    (S.ACCEPTED, R.DELIVERED, False): S.DELIVERED,
    (S.ACCEPTED, R.DELIVERED, True): S.DELIVERED,
    (S.ACCEPTED, R.FAILED, False): S.FAILED,
    (S.ACCEPTED, R.FAILED, True): S.FAILED,
    (S.EXPIRED, R.DELIVERED, False): S.DELIVERED,
    (S.EXPIRED, R.DELIVERED, True): S.DELIVERED,
    (S.EXPIRED, R.FAILED, False): S.FAILED,
    (S.EXPIRED, R.FAILED, True): S.FAILED,
    (S.FAILED, R.DELIVERED, True): S.DELIVERED,
}


def a_result(state: ResultState, *, by_sms: bool = False) -> ProviderResult:
    return ProviderResult("m-1", None, state, "1000", by_sms)


@pytest.mark.parametrize(("status", "state", "by_sms"), list(product(S, R, (False, True))))
def test_a_result_changes_only_what_lacks_one_and_corrects_by_sms(
    status: DeliveryStatus, state: ResultState, by_sms: bool
) -> None:
    expected = CHANGES.get((status, state, by_sms), status)

    assert status_after(status, a_result(state, by_sms=by_sms)) is expected


@pytest.mark.parametrize("status", DeliveryStatus)
def test_a_former_message_that_arrived_ends_what_is_not_under_way(status: DeliveryStatus) -> None:
    ended = {S.PENDING, S.UNKNOWN, S.FAILED, S.EXPIRED, S.GIVEN_UP}
    expected = S.DELIVERED if status in ended else status

    assert status_after_contradiction(status) is expected
    assert expected is status or may_become(status, expected)


@pytest.mark.parametrize("status", DeliveryStatus)
def test_two_may_have_come_where_another_was_or_may_have_been_sent(status: DeliveryStatus) -> None:
    sent_since = {S.SENDING, S.UNKNOWN, S.ACCEPTED, S.DELIVERED, S.EXPIRED}

    assert may_be_doubled(status) is (status in sent_since)


def test_results_in_any_order_and_number_end_in_the_same_status() -> None:
    results = [
        a_result(R.ACCEPTED),
        a_result(R.UNKNOWN),
        a_result(R.FAILED),
        a_result(R.DELIVERED, by_sms=True),
    ]

    for order in permutations(results):
        status = DeliveryStatus.ACCEPTED
        for result in (*order, *order):
            status = status_after(status, result)
        assert status is S.DELIVERED


def test_questions_follow_each_other_within_a_minute_and_quickly_at_first() -> None:
    pauses, seconds = [], 0.0
    for asked in range(12):
        pauses.append(pause_before_question(asked, seconds))
        seconds += pauses[-1]

    assert pauses == [5.0, 10.0, 20.0, 30.0, 30.0, 30.0, 60.0, 60.0, 60.0, 60.0, 60.0, 60.0]
    assert pause_before_question(10_000, 200_000.0) == 60.0
