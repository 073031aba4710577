"""Counting only once it is certain by which zone's days."""

import structlog

from notification_service.application.adopt_time_zone import AdoptTimeZone
from notification_service.application.ports import DeliveryWork, StopCheck, WorkDone
from notification_service.domain.errors import TimeZoneRefused

_PAUSE_SECONDS = 60.0

_log = structlog.get_logger(__name__)


class CountInTimeZone:
    """Lets analytics count once the shop's zone is adopted. The caller repeats it after a database error.

    A zone that is refused stops only analytics, not the process: customers get their messages, and what is
    due is counted after a restart with the right zone. An error line repeats until then.
    """

    def __init__(self, count: DeliveryWork, adopt_time_zone: AdoptTimeZone, time_zone: str) -> None:
        self._count = count
        self._adopt_time_zone = adopt_time_zone
        self._time_zone = time_zone
        self._is_adopted = False

    def __call__(self, stop: StopCheck) -> WorkDone:
        if not self._is_adopted:
            try:
                self._adopt_time_zone(self._time_zone)
            except TimeZoneRefused as refusal:
                _log.error("analytics_not_counted", reason=str(refusal))
                return WorkDone(0, _PAUSE_SECONDS)
            self._is_adopted = True
        return self._count(stop)
