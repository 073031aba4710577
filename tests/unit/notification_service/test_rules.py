"""The period of a report, and the back-off."""

from datetime import date

import pytest

from notification_service.domain.errors import SalesPeriodReversed, SalesPeriodTooLong
from notification_service.domain.retry_policy import RetryPolicy
from notification_service.domain.sales_period import SalesPeriod


def test_a_sales_period_spans_at_most_366_days_after_its_first() -> None:
    first, last = date(2026, 11, 23), date(2027, 11, 24)
    assert SalesPeriod(first, last).last == last

    with pytest.raises(SalesPeriodTooLong):
        SalesPeriod(first, date(2027, 11, 25))


def test_a_sales_period_does_not_end_before_it_begins() -> None:
    day = date(2026, 11, 23)
    assert SalesPeriod(day, day).first == day

    with pytest.raises(SalesPeriodReversed):
        SalesPeriod(day, date(2026, 11, 22))


def test_the_pause_doubles_up_to_its_cap() -> None:
    policy = RetryPolicy(base_seconds=1.0, cap_seconds=300.0)

    longest = [policy.delay_seconds(attempt, jitter=1.0) for attempt in (1, 2, 3, 9, 10, 10_000)]

    assert longest == [1.0, 2.0, 4.0, 256.0, 300.0, 300.0]


def test_half_of_the_pause_is_random() -> None:
    policy = RetryPolicy(base_seconds=4.0)

    assert policy.delay_seconds(1, jitter=0.0) == 2.0
    assert policy.delay_seconds(1, jitter=0.5) == 3.0


def test_a_delivery_is_given_up_at_its_age_and_not_before() -> None:
    policy = RetryPolicy(give_up_after_seconds=3600.0, least_attempts=3)

    assert not policy.is_exhausted(3599.9, attempt=3)
    assert policy.is_exhausted(3600.0, attempt=3)


def test_no_age_is_enough_to_give_up_after_few_attempts() -> None:
    policy = RetryPolicy(give_up_after_seconds=3600.0, least_attempts=3)

    assert not policy.is_exhausted(10**9, attempt=2)
