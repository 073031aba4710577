"""The text that a buyer gets."""

from typing import Any
from uuid import UUID

import pytest

from notification_service.domain.alimtalk_message import AlimtalkMessage, order_completed_message
from tests.support.notification_builders import a_completed_order


def message_for(**changes: Any) -> AlimtalkMessage:
    return order_completed_message(a_completed_order(**changes))


def test_the_text_is_the_template_with_its_variables() -> None:
    message = message_for(order_id=UUID(int=2), item_count=1_234, total_amount=33_500)

    assert message.content == (
        "[주문완료] 김하늘님, 주문이 완료되었습니다.\n"
        "\n"
        "- 주문번호: 00000000-0000-0000-0000-000000000002\n"
        "- 주문수량: 1,234개\n"
        "- 결제금액: 33,500원\n"
        "\n"
        "이용해 주셔서 감사합니다."
    )
    assert message.template_code == "ORDER_COMPLETED"
    assert message.variables["totalAmount"] == "33,500원"


def test_the_reference_is_the_events_id_and_the_number_is_digits_only() -> None:
    message = message_for(event_id=UUID(int=1), phone="010-1234-5678")

    assert (message.reference, message.recipient_number) == (str(UUID(int=1)), "01012345678")


@pytest.mark.parametrize("name", ["#{orderId}", "{name}", "%s", "김\n하늘"])
def test_a_name_that_looks_like_a_template_stays_as_it_is(name: str) -> None:
    assert f"[주문완료] {name}님," in message_for(name=name).content


@pytest.mark.parametrize(
    ("currency", "minor_units", "text"),
    [
        ("KRW", 0, "0원"),
        ("KRW", 9_007_199_254_740_991, "9,007,199,254,740,991원"),
        ("USD", 1_205, "US$12.05"),
        ("JPY", 1_205, "JP¥1,205"),
        ("XXX", 1_205, "12.05"),
    ],
)
def test_an_amount_is_written_in_its_currencys_units(currency: str, minor_units: int, text: str) -> None:
    message = message_for(currency=currency, total_amount=minor_units)

    assert text in message.variables["totalAmount"]
