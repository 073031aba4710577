"""The gate: requests that can't succeed are refused by what this process knows, without a write."""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.coupon import Coupon, CouponStatus
from coupon_service.domain.errors import CouponNotAvailable, CouponNotFound
from servicekit.batches import Batches
from servicekit.lifecycle import StopSignal

REFRESH_SECONDS = 0.4
"""How often coupons are read. With the time that this takes, a change is seen within a second."""
STALE_SECONDS = 3.0
"""What was read longer ago refuses nobody: the worker decides, or the database isn't there to accept."""
FORGET_SECONDS = 60.0
"""A coupon that nobody has requested for so long is not read any more."""
MAX_COUPONS = 10_000
"""How many are read; one that was requested longest ago goes first. Also how many are known not to exist."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Watched:
    """A coupon as read at ``read_at``; ``version`` changes with each change of it. Times are monotonic."""

    coupon: Coupon
    version: str
    read_at: float
    requested_at: float


@dataclass(frozen=True, slots=True)
class _DatabaseClock:
    """The database's clock read ``moment`` between two readings of ours, which is monotonic."""

    moment: datetime
    before: float
    after: float

    def earliest(self, now: float) -> datetime:
        return self.moment + timedelta(seconds=now - self.after)

    def latest(self, now: float) -> datetime:
        return self.moment + timedelta(seconds=now - self.before)


class SqlCouponGate:
    """Knows the coupons that are being requested, and which don't exist, at most about REFRESH_SECONDS late.

    One thread reads them, only those that changed since, and nothing while nobody requests any. It begins
    with the first request, after any fork, and ends with ``stop``. Times are compared with the database's
    clock: a coupon is refused for its period only if that is certain, however the hosts' clocks differ.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        stop: StopSignal,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._stop = stop
        self._monotonic = monotonic
        self._watched: dict[int, _Watched] = {}
        # When each was looked for in vain, the earliest first.
        self._absent: dict[int, float] = {}
        self._clock: _DatabaseClock | None = None
        self._look_up = Batches(self._look_up_all)
        self._refreshing = threading.Thread(target=self._refresh, name="coupon-gate", daemon=True)

    def check(self, coupon_id: int) -> None:
        """Raises CouponNotFound, and CouponNotAvailable for a coupon that can't be requested now."""
        if not self.check_known(coupon_id):
            # Another process may have created it by now. One query serves all that ask meanwhile.
            watched = self._look_up(coupon_id)
            if watched is None:
                raise CouponNotFound
            self._check(watched)

    def check_known(self, coupon_id: int) -> bool:
        """:meth:`check` by what is known already; false for a coupon that would have to be read."""
        watched = self._watched.get(coupon_id)
        if watched is not None:
            self._check(watched)
            return True
        absent_at = self._absent.get(coupon_id)
        if absent_at is not None and self._monotonic() - absent_at < REFRESH_SECONDS:
            raise CouponNotFound
        return False

    def _check(self, watched: _Watched) -> None:
        now = self._monotonic()
        watched.requested_at = now
        clock = self._clock
        if clock is None or now - watched.read_at > STALE_SECONDS:
            return
        # Between the two, only what both say is certain.
        latest = watched.coupon.status_at(clock.latest(now))
        if latest is CouponStatus.ACTIVE:
            return
        earliest = watched.coupon.status_at(clock.earliest(now))
        if earliest is CouponStatus.ACTIVE:
            return
        if earliest is CouponStatus.SCHEDULED:
            raise CouponNotAvailable("NOT_OPEN_YET", opens_at=watched.coupon.terms.period.starts_at)
        raise CouponNotAvailable(earliest.value)

    def run_once(self) -> int:
        """Read the coupons that are being requested again; how many of them had changed."""
        horizon = self._monotonic() - FORGET_SECONDS
        for coupon_id, watched in list(self._watched.items()):
            if watched.requested_at < horizon:
                # A request may have taken it away meanwhile, to make room.
                self._watched.pop(coupon_id, None)
        watched_now = dict(self._watched)
        if not watched_now:
            return 0
        read_at, changed = self._read({coupon_id: one.version for coupon_id, one in watched_now.items()})
        for coupon_id, (version, coupon) in changed.items():
            watched_now[coupon_id].version = version
            watched_now[coupon_id].coupon = coupon
        for one in watched_now.values():
            one.read_at = read_at
        return len(changed)

    def _look_up_all(self, coupon_ids: Sequence[int]) -> Sequence[_Watched | None]:
        read_at, found = self._read(dict.fromkeys(coupon_ids, ""))
        for coupon_id, (version, coupon) in found.items():
            self._watched[coupon_id] = _Watched(coupon, version, read_at, read_at)
        self._remember_absent(set(coupon_ids) - found.keys(), read_at)
        if len(self._watched) > MAX_COUPONS:
            self._forget_oldest()
        # Here, where no two threads are at a time.
        if self._watched and not self._refreshing.is_alive() and not self._stop.is_set():
            self._refreshing.start()
        return [self._watched.get(coupon_id) for coupon_id in coupon_ids]

    def _remember_absent(self, coupon_ids: Collection[int], read_at: float) -> None:
        for coupon_id in coupon_ids:
            self._absent.pop(coupon_id, None)
            self._absent[coupon_id] = read_at
        while len(self._absent) > MAX_COUPONS:
            del self._absent[next(iter(self._absent))]

    def _forget_oldest(self) -> None:
        by_request = sorted(self._watched.items(), key=lambda item: item[1].requested_at)
        # A tenth at once, so that a flood of different coupons doesn't sort them with each.
        for coupon_id, _ in by_request[: len(by_request) - MAX_COUPONS * 9 // 10]:
            self._watched.pop(coupon_id, None)

    def _read(self, versions: Mapping[int, str]) -> tuple[float, Mapping[int, tuple[str, Coupon]]]:
        """Those of the coupons whose version is another, and the time before which nothing was read."""
        with self._unit_of_work() as unit_of_work:
            before = self._monotonic()
            moment = unit_of_work.now()
            self._clock = _DatabaseClock(moment, before, self._monotonic())
            return before, unit_of_work.coupons.changed_since(versions)

    def _refresh(self) -> None:
        is_failing = False
        while not self._stop.wait(REFRESH_SECONDS):
            try:
                self.run_once()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next time may succeed
                if not is_failing:
                    _log.warning("gate_not_refreshed", reason=type(error).__name__)
                is_failing = True
            else:
                is_failing = False
