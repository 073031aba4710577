"""Counting what operators watch: providers that are not called, and deliveries that need attention."""

from collections.abc import Callable, Sequence

from notification_service.application.ports import StopCheck, UnitOfWorkFactory, WorkDone
from notification_service.domain.notification_figures import NotificationFigures

_PAUSE_SECONDS = 5.0


class MeasureNotifications:
    """Reports the figures of all processes together, of the ``providers`` that are used, the first one first.

    It also says that they are used: a gap shows that the database was restored, or that nothing ran.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        providers: Sequence[str],
        report: Callable[[NotificationFigures], None],
        *,
        notices_are_sent: bool = True,
    ) -> None:
        """Without a receiver of alerts, notices that are left from one wait for nothing."""
        self._unit_of_work = unit_of_work
        self._providers = providers
        self._report = report
        self._notices_are_sent = notices_are_sent

    def __call__(self, stop: StopCheck) -> WorkDone:
        try:
            self._watch()
        finally:
            # Also where nothing can be stored: that must not hide what waits.
            self._report(self._figures())
        return WorkDone(0, _PAUSE_SECONDS)

    def _figures(self) -> NotificationFigures:
        with self._unit_of_work() as unit_of_work:
            return NotificationFigures(
                unit_of_work.deliveries.figures(),
                [unit_of_work.providers.get(name) for name in self._providers],
                unit_of_work.alert_notices.oldest_seconds() if self._notices_are_sent else 0.0,
            )

    def _watch(self) -> None:
        with self._unit_of_work() as unit_of_work:
            unit_of_work.providers.watch(self._providers)
            unit_of_work.commit()
