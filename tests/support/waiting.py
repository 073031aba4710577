"""Waiting for something to become true, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    probe: Callable[[], T | None],
    what: str,
    timeout_seconds: float = 30.0,
    seconds_between: float = 0.05,
) -> T:
    """The first true value of ``probe``; fails, saying ``what`` was waited for, when none comes in time.

    A probe that raises counts as not yet; its last error is reported.
    """
    deadline = time.monotonic() + timeout_seconds
    last_error: Exception | None = None
    while time.monotonic() < deadline:
        try:
            value = probe()
        except Exception as error:  # noqa: BLE001 - reported at the deadline
            last_error = error
        else:
            if value:
                return value
            last_error = None
        time.sleep(seconds_between)
    raise AssertionError(f"waited {timeout_seconds} s in vain for {what}") from last_error
