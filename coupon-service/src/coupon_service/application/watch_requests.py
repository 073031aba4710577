"""A few queries serve any number of watched requests: which are decided, and how their lines move."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from coupon_service.application.ports import StandingRequest, UnitOfWork, UnitOfWorkFactory
from coupon_service.domain.coupon_request import CouponRequestView
from coupon_service.domain.line import Line
from coupon_service.domain.pace import Pace

LINES_SECONDS = 0.4
"""How often lines are read while they move."""
RECHECK_SECONDS = 5.0
"""How often watched requests are looked at themselves: not every decision is counted."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one refresh found, all of it read after the refresh began."""

    found: Mapping[UUID, StandingRequest]
    """New and undecided; they are watched from now on."""
    unknown: Collection[UUID]
    """New, and not stored."""
    decided: Mapping[UUID, CouponRequestView]
    lines: Mapping[int, Line]
    """By coupon; only lines that were read in this refresh."""


class WatchRequests:
    """Refreshes what is watched. Not thread-safe.

    Most refreshes read one number per coupon. If it has changed, they read which requests were decided since,
    and the lines every LINES_SECONDS. Every RECHECK_SECONDS they look at all watched requests.
    After a refresh that failed, the next one finds the same.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Callable[[], float] = time.monotonic) -> None:
        self._unit_of_work = unit_of_work
        self._lines_pace = Pace(LINES_SECONDS, clock)
        self._recheck_pace = Pace(RECHECK_SECONDS, clock)
        self._arrived: set[UUID] = set()
        self._watched: dict[UUID, int] = {}
        self._of_coupon: defaultdict[int, set[UUID]] = defaultdict(set)
        self._decided_counts: dict[int, int] = {}
        self._newest_batches: dict[int, int] = {}
        self._moved: set[int] = set()

    def __call__(self, arrived: Collection[UUID], left: Collection[UUID]) -> Round:
        """``arrived`` are watched from now on, ``left`` no longer; raises what the database raises."""
        for request_id in left:
            self._forget(request_id)
        self._arrived.update(arrived)
        if not self._arrived and not self._watched:
            return Round({}, (), {}, {})
        with self._unit_of_work() as unit_of_work:
            moved = self._newly_decided(unit_of_work)
            standing = unit_of_work.lines.find(self._arrived) if self._arrived else {}
            decided = {one for ids, _ in moved.values() for one in ids}
            decided |= {one for one, request in standing.items() if not request.is_undecided}
            decided |= self._decided_uncounted(unit_of_work)
            results = unit_of_work.coupon_requests.standings(decided) if decided else {}
            found = {one: request for one, request in standing.items() if request.is_undecided}
            coupons = {request.coupon_id for request in found.values()} | moved.keys() | self._moved
            lines = self._lines(unit_of_work, coupons)
        unknown = self._arrived - standing.keys()
        # Remembered only after everything is read, so that a refresh that failed is repeated as a whole.
        self._take(found, moved)
        for request_id in decided:
            self._forget(request_id)
        self._moved = coupons if lines is None else self._without_place(lines)
        views = {one: result.view for one, result in results.items()}
        return Round(found, unknown, views, lines or {})

    def _newly_decided(self, unit_of_work: UnitOfWork) -> dict[int, tuple[list[UUID], int]]:
        """By coupon: which watched requests were decided, and how many requests are decided in all."""
        if not self._decided_counts:
            return {}
        counts = unit_of_work.lines.decided_counts(self._decided_counts.keys())
        grown = {
            one: self._decided_counts[one]
            for one, count in counts.items()
            if count != self._decided_counts[one]
        }
        if not grown:
            return {}
        # A count is smaller than before if a backup was restored.
        since = unit_of_work.lines.decided_since(
            {one: min(before, counts[one]) for one, before in grown.items()}
        )
        return {
            coupon_id: (
                [one for one in map(UUID, since.get(coupon_id, ())) if one in self._watched],
                counts[coupon_id],
            )
            for coupon_id in grown
        }

    def _decided_uncounted(self, unit_of_work: UnitOfWork) -> set[UUID]:
        """Now and then: the watched requests that are decided, whatever the coupons' counts say.

        A request that is decided while its coupon is being created gets no number, as if there were none.
        """
        if not self._watched:
            return set()
        return set(self._recheck_pace.run(lambda: unit_of_work.lines.decided(self._watched)) or ())

    def _lines(self, unit_of_work: UnitOfWork, coupons: Collection[int]) -> Mapping[int, Line] | None:
        """The coupons' lines, or None if it is too early to read them again."""
        if not coupons:
            return None
        return self._lines_pace.run(lambda: unit_of_work.lines.of_coupons(coupons))

    def _without_place(self, lines: Mapping[int, Line]) -> set[int]:
        """Coupons with a watched request that has no place yet: their lines are read again, moved or not."""
        return {one for one, line in lines.items() if self._newest_batches.get(one, 0) >= line.settled_below}

    def _take(
        self, found: Mapping[UUID, StandingRequest], moved: Mapping[int, tuple[list[UUID], int]]
    ) -> None:
        for coupon_id, (_, count) in moved.items():
            self._decided_counts[coupon_id] = count
        still_unknown = set()
        for request_id, request in found.items():
            if request.decided_count is None:
                # No such coupon: its decision has no number, so no count shows it.
                still_unknown.add(request_id)
                continue
            self._watched[request_id] = request.coupon_id
            self._of_coupon[request.coupon_id].add(request_id)
            newest = self._newest_batches.get(request.coupon_id, 0)
            self._newest_batches[request.coupon_id] = max(newest, request.batch)
            # A known count stays: the requests decided since then are yet to be found.
            self._decided_counts.setdefault(request.coupon_id, request.decided_count)
        self._arrived = still_unknown

    def _forget(self, request_id: UUID) -> None:
        self._arrived.discard(request_id)
        coupon_id = self._watched.pop(request_id, None)
        if coupon_id is None:
            return
        others = self._of_coupon[coupon_id]
        others.discard(request_id)
        if not others:
            del self._of_coupon[coupon_id]
            del self._decided_counts[coupon_id]
            del self._newest_batches[coupon_id]
