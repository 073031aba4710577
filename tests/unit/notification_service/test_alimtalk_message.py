"""The text that a buyer gets."""

import re
from typing import Any
from uuid import UUID

import iso4217
import pytest

from notification_service.application.write_alimtalk import WriteAlimtalk
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.errors import DeliverySkipped
from notification_service.domain.failure_reason import FailureReason
from tests.support.notification_builders import (
    TEMPLATES,
    WRITE_ALIMTALK,
    a_completed_order,
    a_delivery,
    a_message_for,
)

# By ISO 4217. All other currencies have two digits after the point; those without minor units are left out.
EXPONENTS = {
    **dict.fromkeys(re.findall("...", "BIFCLPDJFGNFISKJPYKMFKRWPYGRWFUGXUYIVNDVUVXAFXOFXPF"), 0),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
WITHOUT_MINOR_UNITS = set(re.findall("...", "XAGXAUXBAXBBXBCXBDXDRXPDXPTXSUXTSXUAXXX"))
CURRENCIES = sorted({currency.code for currency in iso4217.Currency} - WITHOUT_MINOR_UNITS)


def message_for(**changes: Any) -> AlimtalkMessage:
    return a_message_for(a_completed_order(**changes))


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


def test_the_english_text_has_the_same_values() -> None:
    order = a_completed_order(order_id=UUID(int=2), item_count=1_234, total_amount=33_500)

    message = a_message_for(order, "ORDER_COMPLETED_EN")

    assert message.content == (
        "[Order confirmed] Dear 김하늘, we have received your payment.\n"
        "\n"
        "- Order: 00000000-0000-0000-0000-000000000002\n"
        "- Items: 1,234\n"
        "- Total: ₩33,500\n"
        "\n"
        "Thank you for shopping with us."
    )
    assert message.template_code == "ORDER_COMPLETED_EN"


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


@pytest.mark.parametrize("currency", CURRENCIES)
def test_every_currency_has_the_minor_units_of_iso_4217(currency: str) -> None:
    text = message_for(currency=currency, total_amount=123_456_789).variables["totalAmount"]

    digits = EXPONENTS.get(currency, 2)
    whole, fraction = divmod(123_456_789, 10**digits)
    expected = f"{whole:,}.{fraction:0{digits}}" if digits else f"{whole:,}"
    assert re.findall(r"[0-9][0-9.,]*", text) == [expected]


@pytest.mark.parametrize(
    ("phone", "number"),
    [
        ("010-1234-5678", "01012345678"),
        ("01012345678", "01012345678"),
        ("010.1234.5678", "01012345678"),
        ("+821012345678", "01012345678"),
        ("+82 10-1234-5678", "01012345678"),
        ("011-123-4567", "0111234567"),
        ("019-1234-5678", "01912345678"),
    ],
)
def test_a_mobile_number_is_sent_as_its_digits(phone: str, number: str) -> None:
    assert message_for(phone=phone).recipient_number == number


@pytest.mark.parametrize(
    ("phone", "number"),
    [
        ("050-71234-5678", "050712345678"),
        ("0507-1234-5678", "050712345678"),
        ("+8250412345678", "050412345678"),
        ("0502-123-4567", "05021234567"),
    ],
)
def test_a_safe_number_gets_an_sms_where_the_provider_has_it(phone: str, number: str) -> None:
    order = a_completed_order(phone=phone)

    message = WriteAlimtalk(TEMPLATES, has_sms=True)(a_delivery(order))

    assert (message.recipient_number, message.as_sms) == (number, True)
    with pytest.raises(DeliverySkipped):
        WRITE_ALIMTALK(a_delivery(order))


@pytest.mark.parametrize("phone", ["02-123-4567", "070-1234-5678", "1588-1234", "+14155550132", "없음"])
def test_other_numbers_get_no_sms_either(phone: str) -> None:
    with pytest.raises(DeliverySkipped):
        WriteAlimtalk(TEMPLATES, has_sms=True)(a_delivery(a_completed_order(phone=phone)))


def test_a_mobile_number_gets_an_alimtalk_although_there_is_sms() -> None:
    assert not WriteAlimtalk(TEMPLATES, has_sms=True)(a_delivery()).as_sms


@pytest.mark.parametrize(
    "phone",
    [
        "02-123-4567",
        "031-123-4567",
        "+8221234567",
        "0504-1234-5678",
        "+8250412345678",
        "070-1234-5678",
        "1588-1234",
        "+14155550132",
        "+819012345678",
        "010-1234",
        "010-1234-5678 ext. 9",
        "없음",
        # An erased recipient's, which former releases keep as they read it.
        "[erased]",
    ],
)
def test_any_other_number_can_not_get_an_alimtalk(phone: str) -> None:
    with pytest.raises(DeliverySkipped) as skipped:
        message_for(phone=phone)

    assert skipped.value.reason == FailureReason.NOT_A_KOREAN_MOBILE_NUMBER


def test_an_erased_recipients_message_waits_for_no_template() -> None:
    order = a_completed_order(name="", phone="")

    with pytest.raises(DeliverySkipped) as skipped:
        WRITE_ALIMTALK(a_delivery(order, template="NO_LONGER_THERE"))

    assert skipped.value.reason == FailureReason.RECIPIENT_ERASED
