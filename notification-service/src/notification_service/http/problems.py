"""How this service's errors are answered."""

from notification_service.domain import errors
from servicekit.http.problems import Problem, ProblemOf, ProblemTable, ProblemType


def _refused_by_status(slug: str) -> ProblemOf:
    def problem(error: errors.DeliveryTransitionRefused) -> Problem:
        return Problem(409, slug, str(error), extensions={"currentStatus": error.current_status})

    return problem


def _more_match(error: errors.MoreDeliveriesMatch) -> Problem:
    return Problem(
        409,
        "more-deliveries-match",
        str(error),
        errors=[{"field": "expectedCount", "detail": str(error)}],
        extensions={"matching": error.matching},
    )


PROBLEMS: ProblemTable = {
    errors.SalesPeriodReversed: ProblemType(422, "validation", field="query.to"),
    errors.SalesPeriodTooLong: ProblemType(422, "validation", field="query.to"),
    errors.UnknownPage: ProblemType(422, "validation", field="query.after"),
    errors.DeliveryNotFound: ProblemType(404, "delivery-not-found", field="path.deliveryId"),
    errors.DeliveryTransitionRefused: _refused_by_status("delivery-transition-refused"),
    errors.RecipientErased: _refused_by_status("recipient-erased"),
    errors.MoreDeliveriesMatch: _more_match,
    errors.ForgedWebhook: ProblemType(401, "forged-webhook"),
    errors.MalformedWebhook: ProblemType(400, "malformed-webhook"),
    errors.UnknownProvider: ProblemType(404, "unknown-provider"),
}
