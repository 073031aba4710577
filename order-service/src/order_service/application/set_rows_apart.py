"""Doing rows one at a time that can't be done together, and leaving alone for a while what can't at all."""

from collections.abc import Callable, Collection, Iterable
from uuid import UUID

from order_service.application.report_postponed import ReportPostponed
from servicekit.lease_clock import lease_clock_seconds

AGAIN_AFTER_SECONDS = 600.0


class SetRowsApart:
    """Remembers which rows failed. ``event`` and ``name`` are what the log calls that, and their ids."""

    def __init__(
        self,
        event: str,
        name: str,
        report_postponed: ReportPostponed,
        clock_seconds: Callable[[], float] = lease_clock_seconds,
    ) -> None:
        self._event = event
        self._name = name
        self._report_postponed = report_postponed
        self._clock_seconds = clock_seconds
        self._until_seconds: dict[UUID, float] = {}

    def ids(self) -> Collection[UUID]:
        """Of the rows to leave alone for now."""
        now = self._clock_seconds()
        self._until_seconds = {each: until for each, until in self._until_seconds.items() if until > now}
        return list(self._until_seconds)

    def __call__(self, ids: Iterable[UUID], do: Callable[[UUID], bool]) -> int:
        """The number of rows that ``do`` has done, each in a transaction of its own."""
        done = 0
        for each in ids:
            try:
                done += do(each)
            except Exception as error:  # noqa: BLE001 - the other rows go on
                self._report_postponed(self._event, error, **{self._name: each})
                self._until_seconds[each] = self._clock_seconds() + AGAIN_AFTER_SECONDS
        return done
