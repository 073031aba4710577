"""What can be wrong with an order or its payment. A class's docstring is its default message."""


class OrderError(Exception):
    """The order service refused."""

    def __init__(
        self, message: str | None = None, *, is_replay: bool = False, field: str | None = None
    ) -> None:
        """``is_replay`` says that an earlier request with the same idempotency key was refused so.

        ``field`` is the part of the request that is at fault, where that isn't always the same.
        """
        self.is_replay = is_replay
        if field is not None:
            self.field = field
        super().__init__(message or self.__doc__)


class OrderNotFound(OrderError):
    """There is no such order."""


class UnknownPage(OrderError):
    """There is no such page of this list."""


class OrderTotalTooLarge(OrderError):
    """The order's total is more than 9007199254740991 minor units."""


class ProductNotFound(OrderError):
    """There is no such product."""


class ProductAlreadyExists(OrderError):
    """The catalogue has a product of this id."""


class ProductNotInCatalogue(OrderError):
    """The catalogue has no such product, and only its products are sold."""


class ProductCurrencyMismatch(OrderError):
    """The product is sold in another currency."""


class PriceMismatch(OrderError):
    """The price isn't the catalogue's."""


class UnitPriceMissing(OrderError):
    """A product outside the catalogue needs a unitPrice."""


class OrderAlreadyCompleted(OrderError):
    """The order has been paid already."""


class OrderExpired(OrderError):
    """The order was not paid in time. Nothing was charged; place a new one."""


class OrderNotCompleted(OrderError):
    """The order has not been paid, so that there is nothing to cancel."""


class OrderAlreadyCancelled(OrderError):
    """All of the order has been cancelled."""


class CancellationInProgress(OrderError):
    """Another cancellation of this order waits for its refund. Read the order, and try again later."""


class TooManyCancellations(OrderError):
    """The order was cancelled by parts 99 times. Cancel all that is left of it."""


class PaymentTakenBack(OrderError):
    """The gateway has taken the money back. Of the order, cancel all that is left, or nothing."""


class UnknownLine(OrderError):
    """The order has no such line."""


class LineRepeated(OrderError):
    """The line is named twice."""


class TooManyPieces(OrderError):
    """Fewer pieces of the line are left."""


class ProductSoldOut(OrderError):
    """The shop has fewer of a product than the order needs. Nothing was charged."""


class AmountMismatch(OrderError):
    """The amount is not the order's total."""


class PaymentInProgress(OrderError):
    """Another payment of this order is in progress, or its outcome is not known yet. Try again later."""


class PaymentKeyReused(OrderError):
    """This paymentKey has paid, or pays for another order. Let the buyer authorise a payment for this one."""


class PaymentDeclined(OrderError):
    """The payment was declined. Nothing was charged; pay again with a new Idempotency-Key."""


class PaymentOutcomeUnknown(OrderError):
    """The outcome is unknown. Retry with the same Idempotency-Key: that never charges twice."""


class GatewayMisconfigured(OrderError):
    """The payment gateway refuses this service. Retry with the same Idempotency-Key once it is corrected."""


class PaymentGatewayBusy(OrderError):
    """Too many requests wait for the payment gateway. Send this one again, with its Idempotency-Key."""


class PaymentAbandoned(OrderError):
    """This payment never happened and was given up. Use a new Idempotency-Key."""


class PaymentRefundDue(OrderError):
    """The gateway took another amount or took it late, or a product was sold out. It will be returned."""


class CouponsNotAccepted(OrderError):
    """This shop takes no coupons in orders."""


class UserCouponNotFound(OrderError):
    """The user has no such coupon."""


class UserCouponNotUsable(OrderError):
    """The coupon can't be used: another order holds it or has used it, or it is no longer valid."""

    def __init__(self, current_status: str) -> None:
        """``current_status`` is the coupon's, as the coupon service calls it."""
        self.current_status = current_status
        super().__init__()


class OrderAmountTooSmall(OrderError):
    """The order's amount is below the coupon's minimum."""


class CouponBusy(OrderError):
    """An order that was not placed still holds the coupon. Try again later."""


class CouponServiceUnavailable(OrderError):
    """Whether the coupon can be used is not known. The order was not placed; try again later."""


class UnknownGateway(OrderError):
    """No webhooks of such a payment gateway are received here."""


class ForgedWebhook(OrderError):
    """The webhook's signature is missing, wrong or too old."""


class MalformedWebhook(OrderError):
    """The webhook can't be read."""


class PaymentNotFound(OrderError):
    """There is no such payment."""


class RefundNotDue(OrderError):
    """No refund of this payment is due."""


class NotTakenBack(OrderError):
    """The gateway has the money of this payment, as far as is known."""


class PaymentBusy(OrderError):
    """Another process is asking the gateway about this payment. Try again later."""
