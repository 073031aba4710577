"""The zone whose clock says to which hour and day an order belongs."""

from notification_service.application.ports import UnitOfWorkFactory


class AdoptTimeZone:
    """Lets analytics count by a zone's days, from before the first order on."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, time_zone: str) -> None:
        """Raises TimeZoneInUse once something was counted by another zone's days, and UnknownTimeZone."""
        with self._unit_of_work() as unit_of_work:
            unit_of_work.analytics.adopt(time_zone)
            unit_of_work.commit()
