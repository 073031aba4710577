"""The clock of leases."""

import time

import pytest

from servicekit.lease_clock import lease_clock_seconds


def test_it_goes_on_while_the_machine_is_suspended(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Linux' boot clock does; the monotonic clock stands still."""
    clock_gettime = time.clock_gettime
    suspended_seconds = 3_600.0

    def after_a_suspension(clock: int) -> float:
        return clock_gettime(clock) + (suspended_seconds if clock == time.CLOCK_BOOTTIME else 0.0)

    before = lease_clock_seconds()
    monkeypatch.setattr(time, "clock_gettime", after_a_suspension)
    assert lease_clock_seconds() - before == pytest.approx(suspended_seconds, abs=60)
