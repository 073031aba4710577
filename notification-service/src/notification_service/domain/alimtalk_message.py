"""The alimtalk that a buyer gets.

A template is registered with the provider and approved by Kakao, which rejects a message that differs from
its template in anything but the variables. The text and the variables' names are part of the contract.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import iso4217
from babel.numbers import format_currency, get_currency_precision

from notification_service.domain.alimtalk_recipient import korean_mobile_number
from notification_service.domain.completed_order import CompletedOrder
from notification_service.domain.errors import DeliverySkipped
from notification_service.domain.failure_reason import FailureReason

ORDER_COMPLETED_TEMPLATE_CODE = "ORDER_COMPLETED"
_ORDER_COMPLETED_TEMPLATE = """\
[주문완료] #{name}님, 주문이 완료되었습니다.

- 주문번호: #{orderId}
- 주문수량: #{itemCount}개
- 결제금액: #{totalAmount}

이용해 주셔서 감사합니다."""


@dataclass(frozen=True, slots=True)
class AlimtalkMessage:
    """A message in both forms that providers use: the template's variables, and the finished text.

    ``reference`` is our id of the message, by which the provider finds it. ``ordered_at``: it was not sent
    before. ``failed_ids`` are the provider's ids of earlier messages with this reference, which finally
    failed: they are there, and don't count.
    """

    reference: str
    template_code: str
    recipient_number: str
    variables: Mapping[str, str]
    content: str
    ordered_at: datetime | None = None
    failed_ids: frozenset[str] = frozenset()


def order_completed_message(
    order: CompletedOrder, failed_ids: frozenset[str] = frozenset()
) -> AlimtalkMessage:
    """The message for one completed order. Its reference is the event's id, the same in every attempt.

    Raises DeliverySkipped if the recipient can't get it.
    """
    recipient_number = korean_mobile_number(order.recipient.phone)
    if recipient_number is None:
        raise DeliverySkipped(FailureReason.NOT_A_KOREAN_MOBILE_NUMBER)
    variables = {
        "name": order.recipient.name,
        "orderId": str(order.order_id),
        "itemCount": f"{order.item_count:,}",
        "totalAmount": _in_words(order.total_amount, order.currency),
    }
    return AlimtalkMessage(
        reference=str(order.event_id),
        template_code=ORDER_COMPLETED_TEMPLATE_CODE,
        recipient_number=recipient_number,
        variables=variables,
        content=_fill(_ORDER_COMPLETED_TEMPLATE, variables),
        ordered_at=order.completed_at,
        failed_ids=failed_ids,
    )


def _fill(template: str, variables: Mapping[str, str]) -> str:
    # Cut at the variables rather than replaced one by one: a buyer called "#{orderId}" stays that.
    head, *parts = template.split("#{")
    filled = [head]
    for part in parts:
        name, rest = part.split("}", 1)
        filled += [variables[name], rest]
    return "".join(filled)


def _in_words(minor_units: int, currency: str) -> str:
    amount = Decimal(minor_units).scaleb(-_minor_unit_digits(currency))
    if currency == "KRW":
        return f"{amount:,}원"
    return format_currency(amount, currency, locale="ko_KR", decimal_quantization=False)


def _minor_unit_digits(currency: str) -> int:
    # The standard's, not those of CLDR, which drops the digits that a country no longer uses in cash.
    try:
        digits = iso4217.Currency(currency).exponent
    except ValueError:
        digits = None
    return get_currency_precision(currency) if digits is None else digits
