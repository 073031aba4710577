"""Programs of the machine that the measurements need."""

import shutil
from collections.abc import Iterable

from tests.benchmarks.coupon.errors import ProgramMissing
from tests.benchmarks.coupon.plan import Measurement

_KILLS = {measurement for measurement in Measurement if measurement.name.startswith("KILLED_")}
_WATCHING = {Measurement.WATCHERS, Measurement.POLLERS}
_GO = {Measurement.JOURNEY, Measurement.BURST} | _WATCHING | _KILLS
_WRK = set(Measurement) - _GO - {Measurement.DECIDE, Measurement.DECIDE_ONE_BY_ONE} | _WATCHING
_REDIS = {
    Measurement.REDIS_STOCK, Measurement.KILLED_REDIS_STOCK, Measurement.KILLED_REDIS_SNAPSHOTS
}  # fmt: skip
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
