"""What clients send."""

import re
import unicodedata
from typing import Annotated
from uuid import UUID

import phonenumbers
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, field_validator
from pydantic_extra_types.currency_code import Currency

from order_service.application.add_product import AddProductCommand
from order_service.application.cancel_order import CancelOrderCommand
from order_service.application.pay_order import PayOrderCommand
from order_service.application.place_order import PlaceOrderCommand
from order_service.domain.cancellation import CancelledLine
from order_service.domain.money import Money
from order_service.domain.order import MAX_AMOUNT, Recipient
from order_service.domain.payment_request import PaymentMethod
from order_service.domain.product import RequestedItem
from servicekit.fields import PathInt64, PositiveInt64, RequestModel, Storable
from servicekit.http.models import BodyModel, PathModel, QueryModel
from servicekit.idempotency.key import IdempotencyKey

_HOME = "KR"
_HOME_CODE = phonenumbers.country_code_for_region(_HOME)
# All of 010 is for mobiles, of 050 for numbers that hide another one, of 15, 16 and 18 for companies: also
# blocks that libphonenumber calls unassigned. No sale is refused for a block that is new.
_KOREAN = re.compile(r"10[0-9]{8}|50[0-9]{8,9}|1[568][0-9]{6}")

# An extension, and a note without digits, in brackets or not: 내선 3, (집), 회사.
_BESIDE = re.compile(
    r"\s*[(\[,]?\s*(?:내선(?:번호)?|교환|ext|extension|x|#)[\s.:]*[0-9]{1,6}\s*(?:번)?\s*[)\]]?\s*$"
    r"|\s*[(\[][^()\[\]0-9]*[)\]]\s*$"
    r"|(?<=[0-9])\s*[가-힣]{1,10}\s*$",
    re.IGNORECASE,
)
_INTERNATIONAL = re.compile(r"^\s*00(?=[\s.()-]*[1-9])")


def _known_currency(code: str) -> str:
    if code not in Currency.allowed_currencies:
        raise ValueError("must be a currency of ISO 4217, in capitals")
    return code


def _normalized_phone(text: str) -> str:
    """The number in ``text``, without extension and notes: no sale is refused for what is beside it."""
    written = _BESIDE.sub("", unicodedata.normalize("NFKC", text))
    # First as an international one: 0082 would also be the beginning of a call by another operator.
    number = _existing(_INTERNATIONAL.sub("+", written)) or _existing(written)
    if number is None:
        raise ValueError("must be a phone number: a Korean one, or +, country code and number")
    number.extension = None
    # Korean ones with dashes, as the event has always had them.
    is_korean = number.country_code == _HOME_CODE
    style = phonenumbers.PhoneNumberFormat.NATIONAL if is_korean else phonenumbers.PhoneNumberFormat.E164
    return phonenumbers.format_number(number, style)


def _existing(written: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(written, _HOME)
    except phonenumbers.NumberParseException:
        return None
    return number if _can_exist(number) else None


def _can_exist(number: phonenumbers.PhoneNumber) -> bool:
    if number.country_code == _HOME_CODE and _KOREAN.fullmatch(
        phonenumbers.national_significant_number(number)
    ):
        return True
    return phonenumbers.is_valid_number(number)


CurrencyCode = Annotated[
    str, StringConstraints(strict=True, min_length=3, max_length=3), AfterValidator(_known_currency)
]
PhoneNumber = Annotated[str, StringConstraints(strict=True, max_length=40), AfterValidator(_normalized_phone)]
Quantity = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
UnitPrice = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000_000)]
Amount = Annotated[int, Field(strict=True, ge=0, le=MAX_AMOUNT)]
# Nothing that a path would have to spell otherwise, or that a client would take for a part of one.
CatalogueId = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$"),
]
LARGEST_PAGE = 100


class OrderPath(PathModel):
    """An order in a path."""

    order_id: UUID


class UserPath(PathModel):
    """A user in a path."""

    user_id: PathInt64


class OrdersQuery(QueryModel):
    """Which page of a user's orders."""

    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = 50
    before: Annotated[UUID | None, Field(description="`nextBefore` of the previous page.")] = None


class ProductPath(PathModel):
    """A product in a path."""

    product_id: CatalogueId


class ProductsQuery(QueryModel):
    """Which page of the catalogue."""

    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = 50
    after: Annotated[CatalogueId | None, Field(description="`nextAfter` of the previous page.")] = None


class ProductBody(BodyModel):
    """A product to sell; the price in minor units of its currency."""

    product_id: CatalogueId
    name: Annotated[
        str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=200), Storable
    ]
    unit_price: UnitPrice
    currency: CurrencyCode
    # To be said: a forgotten one must not sell without limit.
    stock: Annotated[Amount | None, Field(description="What there is to sell; null if that is unlimited.")]

    def command(self, key: IdempotencyKey | None) -> AddProductCommand:
        """The use case's command."""
        price = Money(self.unit_price, self.currency)
        return AddProductCommand(self.product_id, self.name, price, self.stock, key)


class ItemPart(RequestModel):
    """One line of an order; the price in minor units of the order's currency."""

    product_id: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64), Storable]
    quantity: Quantity
    unit_price: Annotated[
        UnitPrice | None,
        Field(description="For a product of the catalogue the catalogue's, or left out."),
    ] = None


class RecipientPart(RequestModel):
    """The person to notify about the order."""

    name: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100), Storable]
    phone: PhoneNumber


class OrderBody(BodyModel):
    """An order to place."""

    user_id: PositiveInt64
    currency: CurrencyCode
    # A list: of a tuple pydantic counts the valid items only, so that one bad item would be two errors.
    items: Annotated[list[ItemPart], Field(min_length=1, max_length=200)]
    recipient: RecipientPart
    user_coupon_id: Annotated[
        PositiveInt64 | None, Field(description="A coupon that the user holds, to be used by this order.")
    ] = None

    def command(self, key: IdempotencyKey | None) -> PlaceOrderCommand:
        """The use case's command."""
        return PlaceOrderCommand(
            user_id=self.user_id,
            currency=self.currency,
            items=tuple(
                RequestedItem(item.product_id, item.quantity, item.unit_price) for item in self.items
            ),
            recipient=Recipient(self.recipient.name, self.recipient.phone),
            user_coupon_id=self.user_coupon_id,
            idempotency_key=key,
        )


class PaymentBody(BodyModel):
    """A payment to make; the amount in minor units of the order's currency."""

    method: PaymentMethod
    # PortOne's holds a token whose length isn't documented; an index takes no more than 2,700 bytes.
    payment_key: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=500), Storable]
    amount: Amount

    def command(self, order_id: UUID, key: IdempotencyKey | None) -> PayOrderCommand:
        """The use case's command."""
        return PayOrderCommand(order_id, self.method, self.payment_key, self.amount, key)


class CancelledItemPart(RequestModel):
    """Pieces of one line of the order to cancel."""

    line_number: Annotated[
        int, Field(strict=True, ge=1, le=200, description="`lineNumber` of the order's item.")
    ]
    quantity: Quantity


class CancellationBody(BodyModel):
    """What to cancel of a paid order."""

    items: Annotated[
        list[CancelledItemPart] | None,
        Field(min_length=1, max_length=200, description="Left out: all that is left."),
    ] = None
    reason: Annotated[
        str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=200), Storable
    ]

    @field_validator("items", mode="before")
    @classmethod
    def _is_given_or_left_out(cls, value: object) -> object:
        # A client that lost its list must not cancel everything.
        if value is None:
            raise ValueError("must be a list, or left out")
        return value

    def command(self, order_id: UUID, key: IdempotencyKey | None) -> CancelOrderCommand:
        """The use case's command."""
        lines = (
            None
            if self.items is None
            else [CancelledLine(item.line_number, item.quantity) for item in self.items]
        )
        return CancelOrderCommand(order_id, lines, self.reason, key)


class GatewayPath(PathModel):
    """A payment gateway in a path."""

    name: str


class WebhookBody(BodyModel):
    """A webhook as its gateway writes it; fields and types that aren't known are ignored."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "eventType": "PAYMENT_STATUS_CHANGED",
                "createdAt": "2026-11-30T09:00:00.000000",
                "data": {
                    "paymentKey": "tviva20261130090000abcd1",
                    "orderId": "019a1b3c-5a10-7b2d-8e4c-0123456789ab",
                    "status": "DONE",
                },
            }
        },
    )
