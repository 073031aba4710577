"""Times in headers."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from outbox_relay.record import rfc3339


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000000Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 6, timezone(timedelta(hours=9))), "2026-01-01T18:04:05.000006Z"),
    ],
)
def test_time_is_told_in_utc_with_microseconds(moment: datetime, told: str) -> None:
    assert rfc3339(moment) == told
