"""How this service's errors are told."""

from dataclasses import dataclass

from flask import Flask, Response

from order_service.domain import errors
from servicekit.http.problems import Problem, render

RETRY_AFTER_SECONDS = "2"


@dataclass(frozen=True, slots=True)
class _Telling:
    status: int
    slug: str
    field: str | None = None
    retry: bool = False


_TELLINGS: dict[type[errors.OrderError], _Telling] = {
    errors.OrderNotFound: _Telling(404, "order-not-found", field="path.orderId"),
    errors.OrderTotalTooLarge: _Telling(422, "order-total-too-large", field="items"),
    errors.OrderAlreadyCompleted: _Telling(409, "order-already-completed"),
    errors.AmountMismatch: _Telling(422, "amount-mismatch", field="amount"),
    errors.PaymentInProgress: _Telling(409, "payment-in-progress", retry=True),
    errors.PaymentDeclined: _Telling(402, "payment-declined"),
    errors.PaymentOutcomeUnknown: _Telling(504, "payment-outcome-unknown", retry=True),
    errors.PaymentAbandoned: _Telling(409, "payment-abandoned"),
    errors.PaymentRefundDue: _Telling(409, "payment-refund-due"),
}


def register_problems(app: Flask) -> None:
    """Render every :class:`~order_service.domain.errors.OrderError` that a route raises."""

    def tell(error: errors.OrderError) -> Response:
        telling = _TELLINGS[type(error)]
        return render(
            Problem(
                telling.status,
                telling.slug,
                str(error),
                errors=[{"field": telling.field, "detail": str(error)}] if telling.field else (),
                headers={"Retry-After": RETRY_AFTER_SECONDS} if telling.retry else None,
            )
        )

    app.register_error_handler(errors.OrderError, tell)
