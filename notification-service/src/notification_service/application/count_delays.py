"""How long effects took: what deliveries left to be added up."""

from notification_service.application.ports import StopCheck, UnitOfWorkFactory, WorkDone


class CountDelays:
    """Adds delays to their sums, a batch in one transaction. What is not added yet is read all the same."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, batch_size: int = 1_000) -> None:
        self._unit_of_work = unit_of_work
        self._batch_size = batch_size

    def __call__(self, stop: StopCheck) -> WorkDone:
        if stop.is_set():
            return WorkDone(0)
        with self._unit_of_work() as unit_of_work:
            unit_of_work.analytics.share()
            added = unit_of_work.delays.fold(self._batch_size)
            unit_of_work.commit()
        return WorkDone(added)
