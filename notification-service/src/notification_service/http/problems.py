"""How this service's errors are answered."""

from notification_service.domain import errors
from servicekit.http.problems import Problem, ProblemTable, ProblemType, refused_by_status


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
    errors.DeliveryTransitionRefused: refused_by_status("delivery-transition-refused"),
    errors.RecipientErased: refused_by_status("recipient-erased"),
    errors.MoreDeliveriesMatch: _more_match,
    errors.ForgedWebhook: ProblemType(401, "forged-webhook"),
    errors.MalformedWebhook: ProblemType(400, "malformed-webhook"),
    errors.UnknownProvider: ProblemType(404, "unknown-provider"),
}
