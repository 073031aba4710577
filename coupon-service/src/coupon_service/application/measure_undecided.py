"""For how long the oldest request has been published and not decided."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from coupon_service.application.ports import UndecidedPages

_LOOKED_BACK = timedelta(hours=1)
"""By how much the clock of a host that makes ids may be behind, at the most, to be found soon."""
_WHOLE_PASS_SECONDS = 3_600.0


class MeasureUndecided:
    """Reads requests once, and then only those that have come or were undecided; all of them each hour.

    Accepting pays for no index of undecided requests, which ids that begin with a time make unnecessary.
    """

    def __init__(self, pages: UndecidedPages, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pages = pages
        self._monotonic = monotonic
        self._start = UUID(int=0)
        self._whole_pass_at: float | None = None

    def __call__(self, may_go_on: Callable[[], bool]) -> float | None:
        """The age in seconds, or None without such a request. ``may_go_on`` is asked after each page."""
        began = self._monotonic()
        if self._whole_pass_at is None or began - self._whole_pass_at >= _WHOLE_PASS_SECONDS:
            self._start, self._whole_pass_at = UUID(int=0), began
        # Of before the pass, so that what is made while it lasts is read by the next one.
        next_start = first_id_at(self._pages.now() - _LOOKED_BACK)
        oldest: float | None = None
        after = self._start
        while (page := self._pages.after(after)).last_id is not None:
            if page.oldest_seconds is not None:
                oldest = max(oldest or 0.0, page.oldest_seconds)
            if page.first_undecided_id is not None:
                next_start = min(next_start, _before(page.first_undecided_id))
            after = page.last_id
            if not may_go_on():
                # Not whole: the next pass begins where this one did.
                return oldest
        self._start = next_start
        return oldest


def first_id_at(moment: datetime) -> UUID:
    """No id that is made at ``moment`` is smaller."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _before(request_id: UUID) -> UUID:
    return UUID(int=request_id.int - 1)
