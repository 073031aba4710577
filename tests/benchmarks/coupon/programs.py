"""Programs of the machine that the measurements need."""

import shutil
from collections.abc import Iterable

from tests.benchmarks.coupon.errors import ProgramMissing
from tests.benchmarks.coupon.plan import Measurement

_WRK = {
    Measurement.ACCEPT, Measurement.CONSTANT, Measurement.ROW_LOCK, Measurement.OPTIMISTIC_RETRY,
    Measurement.REDIS_STOCK, Measurement.ACCEPT_FULL_STACK, Measurement.REFUSE, Measurement.WATCHERS,
}  # fmt: skip
_GO = {Measurement.JOURNEY, Measurement.BURST, Measurement.WATCHERS}
_REDIS = {Measurement.REDIS_STOCK}
_NEEDED = (
    ("wrk", _WRK, "apt-get install wrk"),
    ("go", _GO, ".ci/go"),
    ("redis-server", _REDIS, "apt-get install redis-server"),
)


def check_programs(measurements: Iterable[Measurement]) -> None:
    """Raises ProgramMissing, in one line, before anything is measured."""
    wanted = set(measurements)
    missing = [
        f"{program} is not installed: {how}"
        for program, users, how in _NEEDED
        if users & wanted and shutil.which(program) is None
    ]
    if missing:
        raise ProgramMissing("; ".join(missing))
