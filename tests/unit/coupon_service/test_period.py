"""When a period begins and ends."""

from datetime import datetime, timedelta

import pytest

from coupon_service.domain.errors import InvalidCoupon
from coupon_service.domain.period import Period
from tests.support.coupon_builders import DURING, ENDS_AT, PERIOD, STARTS_AT

INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "field"),
    [
        (STARTS_AT, STARTS_AT, "endsAt"),
        (STARTS_AT, STARTS_AT - timedelta(days=1), "endsAt"),
        (datetime(2030, 1, 1), ENDS_AT, "startsAt"),  # noqa: DTZ001 - the point of the case
        (STARTS_AT, datetime(2030, 1, 2), "endsAt"),  # noqa: DTZ001 - the point of the case
    ],
)
def test_an_impossible_period_is_refused_by_field(starts_at: datetime, ends_at: datetime, field: str) -> None:
    with pytest.raises(InvalidCoupon, match=f"^{field} must ") as refusal:
        Period(starts_at, ends_at)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("moment", "has_started", "has_ended"),
    [
        (STARTS_AT - INSTANT, False, False),
        (STARTS_AT, True, False),
        (DURING, True, False),
        (ENDS_AT - INSTANT, True, False),
        (ENDS_AT, True, True),
    ],
)
def test_the_start_belongs_to_a_period_and_the_end_does_not(
    moment: datetime, has_started: bool, has_ended: bool
) -> None:
    assert (PERIOD.has_started(moment), PERIOD.has_ended(moment)) == (has_started, has_ended)
