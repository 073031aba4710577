"""Quiet hours by the shop's clock, also on the days on which it changes."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification_service.application.keep_quiet_hours import KeepQuietHours
from notification_service.domain.attempt import Postponed, Receipt
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.delivery import DeliveryStatus
from notification_service.domain.errors import DeliveryPostponed
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.quiet_hours import QuietHours
from notification_service.domain.recorded_outcome import recorded_outcome
from tests.support.notification_builders import a_delivery

SEOUL, BERLIN, NEW_YORK = ZoneInfo("Asia/Seoul"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
# Clocks that change by half an hour, and at midnight.
ZONES = (SEOUL, BERLIN, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Beirut"))


def an_end(written: str, zone: ZoneInfo, instant: datetime) -> datetime | None:
    """When quiet hours that ``instant`` is in end, in the zone; None if it is in none."""
    seconds = QuietHours.parse(written, zone).seconds_left(instant)
    # Through UTC: within a zone, Python adds to what the clock shows.
    return (instant.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(zone) if seconds else None


@pytest.mark.parametrize(
    ("written", "at", "end"),
    [
        ("21:00-08:00", "2026-11-23T20:59:59.999999", None),
        ("21:00-08:00", "2026-11-23T21:00", "2026-11-24T08:00"),
        ("21:00-08:00", "2026-12-31T23:59", "2027-01-01T08:00"),
        ("21:00-08:00", "2026-11-24T00:00", "2026-11-24T08:00"),
        ("21:00-08:00", "2026-11-24T07:59:59.999999", "2026-11-24T08:00"),
        ("21:00-08:00", "2026-11-24T08:00", None),
        ("12:30-13:00", "2026-11-24T12:29", None),
        ("12:30-13:00", "2026-11-24T12:30", "2026-11-24T13:00"),
        ("12:30-13:00", "2026-11-24T13:00", None),
        ("00:00-06:00", "2026-11-24T00:00", "2026-11-24T06:00"),
        ("22:00-00:00", "2026-11-24T23:00", "2026-11-25T00:00"),
    ],
)
def test_quiet_hours_end_by_the_shops_clock(written: str, at: str, end: str | None) -> None:
    instant = datetime.fromisoformat(at).replace(tzinfo=SEOUL)

    expected = None if end is None else datetime.fromisoformat(end).replace(tzinfo=SEOUL)
    assert an_end(written, SEOUL, instant) == expected
    assert an_end(written, SEOUL, instant.astimezone(UTC)) == expected


@pytest.mark.parametrize(
    ("zone", "evening", "hours"),
    [
        # The night is an hour shorter, and an hour longer.
        (BERLIN, datetime(2026, 3, 28, 22, tzinfo=BERLIN), 9),
        (BERLIN, datetime(2026, 10, 24, 22, tzinfo=BERLIN), 11),
        (NEW_YORK, datetime(2026, 3, 7, 22, tzinfo=NEW_YORK), 9),
        (NEW_YORK, datetime(2026, 10, 31, 22, tzinfo=NEW_YORK), 11),
        (BERLIN, datetime(2026, 6, 1, 22, tzinfo=BERLIN), 10),
    ],
)
def test_a_night_in_which_the_clocks_change_ends_at_eight(
    zone: ZoneInfo, evening: datetime, hours: int
) -> None:
    end = an_end("22:00-08:00", zone, evening)

    assert end is not None
    assert end.time() == time(8)
    assert end.astimezone(UTC) - evening.astimezone(UTC) == timedelta(hours=hours)


def test_an_end_that_the_clocks_show_twice_is_the_second_one() -> None:
    end = an_end("22:00-02:30", BERLIN, datetime(2026, 10, 24, 22, tzinfo=BERLIN))

    assert end is not None
    assert end.astimezone(UTC) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_an_end_that_the_clocks_skip_is_when_they_change() -> None:
    end = an_end("22:00-02:30", BERLIN, datetime(2026, 3, 28, 22, tzinfo=BERLIN))

    assert end is not None
    assert end.time() == time(3)


@settings(max_examples=200)
@given(
    zone=st.sampled_from(ZONES),
    instant=st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: NEW_YEAR + timedelta(minutes=minutes)),
    minutes=st.tuples(st.integers(0, 1439), st.integers(0, 1439)).filter(lambda pair: pair[0] != pair[1]),
)
def test_the_end_is_never_quiet_and_never_a_day_away(
    zone: ZoneInfo, instant: datetime, minutes: tuple[int, int]
) -> None:
    start, end = (time(minute // 60, minute % 60) for minute in minutes)
    quiet = QuietHours(start, end, zone)

    seconds = quiet.seconds_left(instant)

    assert 0 <= seconds <= 25 * 3600
    assert quiet.seconds_left(instant + timedelta(seconds=seconds)) == 0
    shown = instant.astimezone(zone).time()
    in_order = start <= shown < end if start < end else shown >= start or shown < end
    assert (seconds > 0) == in_order


@pytest.mark.parametrize(
    "written", ["", "21-8", "21:00", "24:00-08:00", "21:60-08:00", "08:00-08:00", "9:00-10:00"]
)
def test_what_is_no_period_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="must b"):
        QuietHours.parse(written, SEOUL)


def test_what_is_due_at_night_waits_for_the_morning_and_is_no_attempt() -> None:
    sent: list[object] = []

    def courier(delivery: object, may_send: object) -> Receipt:
        sent.append(delivery)
        return Receipt()

    clock = [datetime(2026, 11, 23, 23, tzinfo=SEOUL)]
    keep = KeepQuietHours(courier, QuietHours.parse("21:00-08:00", SEOUL), lambda: clock[0])
    delivery, asked = a_delivery(), a_delivery(attempt=2, purpose=Purpose.LOOK_UP)

    with pytest.raises(DeliveryPostponed) as postponed:
        keep(delivery, lambda: True)
    assert (postponed.value.reason, postponed.value.delay_seconds) == (FailureReason.QUIET_HOURS, 9 * 3600)
    keep(asked, lambda: True)
    assert sent == [asked]

    recorded = recorded_outcome(Postponed(delivery, 9 * 3600, FailureReason.QUIET_HOURS))
    assert (recorded.status, recorded.attempt_outcome) == (DeliveryStatus.PENDING, None)
    assert (recorded.delay_seconds, recorded.reason) == (9 * 3600, FailureReason.QUIET_HOURS)

    clock[0] += timedelta(hours=9)
    keep(delivery, lambda: True)
    assert sent == [asked, delivery]
