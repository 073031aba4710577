"""How this service's errors are answered."""

from order_service.domain import errors
from servicekit.http.problems import ProblemTable, ProblemType, refused_by_status

RETRY_AFTER_SECONDS = 2
# Of many requests at once, which must not come back as such.
_SPREAD_SECONDS = (2, 6)


PROBLEMS: ProblemTable = {
    errors.OrderNotFound: ProblemType(404, "order-not-found", field="path.orderId"),
    errors.UnknownPage: ProblemType(422, "validation", field="query.before"),
    errors.OrderTotalTooLarge: ProblemType(422, "order-total-too-large", field="items"),
    errors.ProductNotFound: ProblemType(404, "product-not-found", field="path.productId"),
    errors.ProductAlreadyExists: ProblemType(409, "product-already-exists", field="productId"),
    errors.ProductNotInCatalogue: ProblemType(422, "product-not-in-catalogue"),
    errors.ProductCurrencyMismatch: ProblemType(422, "product-currency-mismatch"),
    errors.PriceMismatch: ProblemType(422, "price-mismatch"),
    # As for any other field that is missing.
    errors.UnitPriceMissing: ProblemType(422, "validation"),
    errors.OrderAlreadyCompleted: ProblemType(409, "order-already-completed"),
    errors.OrderExpired: ProblemType(409, "order-expired"),
    errors.OrderNotCompleted: ProblemType(409, "order-not-completed"),
    errors.OrderAlreadyCancelled: ProblemType(409, "order-already-cancelled"),
    errors.CancellationInProgress: ProblemType(
        409, "cancellation-in-progress", retry_after_seconds=RETRY_AFTER_SECONDS
    ),
    errors.TooManyCancellations: ProblemType(409, "too-many-cancellations"),
    errors.PaymentTakenBack: ProblemType(409, "payment-taken-back"),
    errors.UnknownLine: ProblemType(422, "unknown-line"),
    errors.LineRepeated: ProblemType(422, "validation"),
    errors.TooManyPieces: ProblemType(422, "too-many-pieces"),
    errors.ProductSoldOut: ProblemType(409, "product-sold-out"),
    errors.AmountMismatch: ProblemType(422, "amount-mismatch", field="amount"),
    errors.PaymentInProgress: ProblemType(
        409, "payment-in-progress", retry_after_seconds=RETRY_AFTER_SECONDS
    ),
    errors.PaymentKeyReused: ProblemType(422, "payment-key-reused", field="paymentKey"),
    errors.PaymentDeclined: ProblemType(402, "payment-declined"),
    errors.PaymentOutcomeUnknown: ProblemType(
        504, "payment-outcome-unknown", retry_after_seconds=RETRY_AFTER_SECONDS
    ),
    errors.GatewayMisconfigured: ProblemType(
        503, "payment-gateway-misconfigured", retry_after_seconds=RETRY_AFTER_SECONDS
    ),
    errors.PaymentGatewayBusy: ProblemType(503, "payment-gateway-busy", retry_after_seconds=_SPREAD_SECONDS),
    errors.PaymentAbandoned: ProblemType(409, "payment-abandoned"),
    errors.PaymentRefundDue: ProblemType(409, "payment-refund-due"),
    errors.CouponsNotAccepted: ProblemType(422, "coupons-not-accepted", field="userCouponId"),
    errors.UserCouponNotFound: ProblemType(422, "user-coupon-not-found", field="userCouponId"),
    errors.UserCouponNotUsable: refused_by_status("user-coupon-not-usable", field="userCouponId"),
    errors.OrderAmountTooSmall: ProblemType(422, "order-amount-too-small", field="items"),
    errors.CouponBusy: ProblemType(409, "user-coupon-busy", retry_after_seconds=RETRY_AFTER_SECONDS),
    errors.CouponServiceUnavailable: ProblemType(
        503, "coupon-service-unavailable", retry_after_seconds=_SPREAD_SECONDS
    ),
    errors.UnknownGateway: ProblemType(404, "unknown-gateway", field="path.name"),
    errors.ForgedWebhook: ProblemType(401, "forged-webhook"),
    errors.MalformedWebhook: ProblemType(400, "malformed-webhook"),
}
