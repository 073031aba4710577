"""How this service's errors are answered."""

from notification_service.domain import errors
from servicekit.http.problems import ProblemTable, ProblemType

PROBLEMS: ProblemTable = {
    errors.SalesPeriodReversed: ProblemType(422, "validation", field="query.to"),
    errors.SalesPeriodTooLong: ProblemType(422, "validation", field="query.to"),
}
