"""Reading what analytics has counted."""

from notification_service.application.ports import UnitOfWorkFactory
from notification_service.domain.figures import FigurePage, FigureSelection, Key


class ReadFigures:
    """Looks up one page of a list of figures, by its key."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, selection: FigureSelection, *, limit: int, after: Key | None = None) -> FigurePage:
        with self._unit_of_work() as unit_of_work:
            # One more says whether there is another page.
            found = unit_of_work.figures.find(selection, limit=limit + 1, after=after)
            time_zone = unit_of_work.analytics.time_zone()
        figures = [figure for _, figure in found[:limit]]
        return FigurePage(time_zone, figures, found[limit - 1][0] if len(found) > limit else None)
