"""What a buyer reads of a cancellation, in both languages and in the currency's own digits."""

import pytest

from notification_service.domain.alimtalk_message import order_message
from tests.support.notification_builders import TEMPLATES, a_cancellation_of, an_order_of


@pytest.mark.parametrize(
    ("currency", "code", "lines"),
    [
        ("KRW", "ORDER_CANCELLED", ["- 취소수량: 3개", "- 환불금액: 1,234,500원"]),
        ("USD", "ORDER_CANCELLED_EN", ["- Cancelled items: 3", "- Refund: $12,345.00"]),
        (
            "KRW",
            "ORDER_PART_CANCEL",
            ["- 취소수량: 3개", "- 환불금액: 1,234,500원", "- 남은 결제금액: 700원"],
        ),
        (
            "USD",
            "ORDER_PART_CANCEL_EN",
            ["- Cancelled items: 3", "- Refund: $12,345.00", "- Remaining total: $7.00"],
        ),
        ("KRW", "ORDER_CANCELLED_EN", ["- Refund: ₩1,234,500"]),
    ],
)
def test_a_message_says_what_was_returned_and_what_is_left(
    currency: str, code: str, lines: list[str]
) -> None:
    order = an_order_of(("P-1", 4, 411_500), currency=currency)
    amounts = {"cancelledAmount": 1_234_500, "remainingAmount": 700}
    cancellation = a_cancellation_of(order, ("P-1", 3, 411_500), message_values=amounts)

    message = order_message(cancellation, TEMPLATES.by_code(code), frozenset())

    assert message.reference == str(cancellation.event_id)
    assert [line for line in lines if line not in message.content.splitlines()] == []
    assert str(order.order_id) in message.content
