"""The alimtalk that a buyer gets: a template with the values of an order's event."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import iso4217
from babel.numbers import format_currency, get_currency_precision

from notification_service.domain.alimtalk_recipient import korean_mobile_number, safe_number
from notification_service.domain.alimtalk_template import Button, Locale, Template, fill
from notification_service.domain.errors import DeliverySkipped
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.order_event import OrderEvent

ORDER_COMPLETED_TEMPLATE_CODE = "ORDER_COMPLETED"
"""Of deliveries without a template: former releases had this one."""
_OF_EVERY_ORDER = frozenset({"name", "orderId", "itemCount", "totalAmount"})
_CLDR_LOCALES = {Locale.KOREAN: "ko_KR", Locale.ENGLISH: "en_US"}


@dataclass(frozen=True, slots=True)
class MessageKind:
    """A kind of message. ``name`` is that of its templates; ``own_variables`` are what its event adds."""

    name: str
    own_variables: frozenset[str] = frozenset()

    @property
    def variables(self) -> frozenset[str]:
        """What it has values of."""
        return _OF_EVERY_ORDER | self.own_variables


ORDER_COMPLETED = MessageKind("order_completed")
ORDER_CANCELLED = MessageKind("order_cancelled", frozenset({"cancelledAmount"}))
"""Nothing of the order is left."""
ORDER_PARTLY_CANCELLED = MessageKind(
    "order_partly_cancelled", frozenset({"cancelledAmount", "remainingAmount"})
)


@dataclass(frozen=True, slots=True)
class AlimtalkMessage:
    """A message in both forms that providers use: the template's variables, and the finished text.

    ``reference`` is our id of the message, by which the provider finds it. ``ordered_at``: it was not sent
    before. ``failed_ids`` are the provider's ids of earlier messages with this reference, which finally
    failed: they are there, and don't count. ``as_sms``: the recipient can't get an alimtalk, and gets the
    text as an SMS.
    """

    reference: str
    template_code: str
    recipient_number: str
    variables: Mapping[str, str]
    content: str
    ordered_at: datetime | None = None
    failed_ids: frozenset[str] = frozenset()
    title: str | None = None
    buttons: tuple[Button, ...] = ()
    as_sms: bool = False
    other_texts: Mapping[str, str] = field(default_factory=dict)
    """What a former release may have sent instead: the text by the template's code."""


def order_message(
    order: OrderEvent, template: Template, failed_ids: frozenset[str], *, has_sms: bool = False
) -> AlimtalkMessage:
    """The message for one event about an order. Its reference is the event's id, the same in every attempt.

    ``has_sms``: the provider sends an SMS to a safe number. Raises DeliverySkipped if the recipient can't get
    the message, and TemplateMismatch.
    """
    mobile_number = korean_mobile_number(order.recipient.phone)
    recipient_number = mobile_number or (safe_number(order.recipient.phone) if has_sms else None)
    if recipient_number is None:
        raise DeliverySkipped(FailureReason.NOT_A_KOREAN_MOBILE_NUMBER)
    supplied = {
        **{
            name: value if isinstance(value, str) else _in_words(value, order.currency, template.locale)
            for name, value in order.message_values.items()
        },
        "name": order.recipient.name,
        "orderId": str(order.order_id),
        "itemCount": f"{order.item_count:,}",
        "totalAmount": _in_words(order.total_amount, order.currency, template.locale),
    }
    # A version may use fewer than there are: Kakao rejects a message with others than its template's.
    values = {name: value for name, value in supplied.items() if name in template.variables}
    template.check(values)
    return AlimtalkMessage(
        reference=str(order.event_id),
        template_code=template.code,
        recipient_number=recipient_number,
        variables=values,
        content=fill(template.content, values),
        ordered_at=order.completed_at,
        failed_ids=failed_ids,
        title=None if template.title is None else fill(template.title, values),
        buttons=template.filled_buttons(values),
        as_sms=mobile_number is None,
    )


def _in_words(minor_units: int, currency: str, locale: Locale) -> str:
    amount = Decimal(minor_units).scaleb(-_minor_unit_digits(currency))
    if (currency, locale) == ("KRW", Locale.KOREAN):
        return f"{amount:,}원"
    return format_currency(amount, currency, locale=_CLDR_LOCALES[locale], decimal_quantization=False)


def _minor_unit_digits(currency: str) -> int:
    # The standard's, not those of CLDR, which drops the digits that a country no longer uses in cash.
    try:
        digits = iso4217.Currency(currency).exponent
    except ValueError:
        digits = None
    return get_currency_precision(currency) if digits is None else digits
