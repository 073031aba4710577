"""The clock by which the holder of a lease knows that others may take it."""

import time


def lease_clock_seconds() -> float:
    """A clock that goes on while the process is frozen, and where possible while the machine is suspended.

    ``time.monotonic`` stands still with a suspended machine, whose leases run out.
    """
    boot_clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_clock is None else time.clock_gettime(boot_clock)
