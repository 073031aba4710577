"""Settings that would break the watch server are refused."""

import pytest
from pydantic import ValidationError

from coupon_service.config import WatchSettings
from coupon_service.http.watching.server import ENDING_SECONDS
from coupon_service.http.watching.stream import FIRST_REFRESH_SECONDS
from servicekit.lifecycle import GIVE_UP_SECONDS

URL = "postgresql://127.0.0.1:1/coupon"


def test_refreshes_are_never_so_rare_that_streams_are_refused() -> None:
    longest_seconds = WatchSettings(database_url=URL, refresh_ms=2_000).refresh_ms / 1_000
    assert 2 * longest_seconds < FIRST_REFRESH_SECONDS
    assert longest_seconds + ENDING_SECONDS < GIVE_UP_SECONDS
    with pytest.raises(ValidationError):
        WatchSettings(database_url=URL, refresh_ms=5_000)
