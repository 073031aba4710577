from datetime import UTC, datetime, timedelta, timezone

from servicekit.rfc3339 import format_rfc3339


def test_zero_microseconds_keep_their_six_digits() -> None:
    assert format_rfc3339(datetime(2026, 1, 31, 9, 30, tzinfo=UTC)) == "2026-01-31T09:30:00.000000Z"


def test_microseconds_are_kept() -> None:
    assert format_rfc3339(datetime(2026, 1, 31, 9, 30, 0, 70, UTC)) == "2026-01-31T09:30:00.000070Z"


def test_other_offsets_become_utc() -> None:
    seoul = timezone(timedelta(hours=9))
    assert format_rfc3339(datetime(2026, 1, 31, 9, 30, tzinfo=seoul)) == "2026-01-31T00:30:00.000000Z"
