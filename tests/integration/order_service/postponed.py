"""What a worker says of the work that an error keeps it from."""

from order_service.application.report_postponed import ReportPostponed
from servicekit.db.errors import may_pass


def a_report(failures: list[str] | None = None) -> ReportPostponed:
    """Adds to ``failures`` what it counts."""
    counted = list[str]() if failures is None else failures
    return ReportPostponed(may_pass, counted.append)
