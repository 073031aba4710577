"""How this service's errors are answered."""

from notification_service.domain import errors
from servicekit.http.problems import ProblemTable, ProblemType

PROBLEMS: ProblemTable = {
    errors.SalesPeriodReversed: ProblemType(422, "validation", field="query.to"),
    errors.SalesPeriodTooLong: ProblemType(422, "validation", field="query.to"),
    errors.UnknownPage: ProblemType(422, "validation", field="query.after"),
    errors.ForgedWebhook: ProblemType(401, "forged-webhook"),
    errors.MalformedWebhook: ProblemType(400, "malformed-webhook"),
    errors.UnknownProvider: ProblemType(404, "unknown-provider"),
}
