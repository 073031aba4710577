"""However a number is written, it is accepted, and no log or answer shows it."""

import pytest
import structlog

from tests.integration.order_service.shop import Shop, an_order_body
from tests.support.phone_spellings import PHONE, SPELLINGS, shows_number

TYPED = [spelling for spelling in SPELLINGS if not {"_", "%", "\\"} & set(spelling)]
NONSENSE = [f"{spelling}9" for spelling in SPELLINGS] + [PHONE * 5]


def an_order_for(phone: str) -> dict[str, object]:
    return an_order_body(recipient={"name": "김하늘", "phone": phone})


def test_what_people_type_is_one_number_and_is_not_shown(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    with structlog.testing.capture_logs() as logs:
        replies = [shop.place(an_order_for(phone)) for phone in TYPED]
        paid = [shop.pay(reply.get_json()["orderId"]) for reply in replies]
        read = [shop.client.get(reply.headers["Location"]) for reply in replies]

    assert {reply.status_code for reply in (*replies, *paid)} == {201}
    assert shop.query("SELECT DISTINCT recipient_phone FROM orders") == [(PHONE,)]
    output = capsys.readouterr()
    shown = [*(reply.text for reply in (*replies, *paid, *read)), *map(str, logs), output.out, output.err]
    assert [text for text in shown if shows_number(text)] == []


def test_nonsense_names_the_field_and_is_not_shown(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    with structlog.testing.capture_logs() as logs:
        replies = [shop.place(an_order_for(phone)) for phone in NONSENSE]

    for reply in replies:
        assert reply.status_code == 422
        assert [error["field"] for error in reply.get_json()["errors"]] == ["recipient.phone"]
    output = capsys.readouterr()
    shown = [*(reply.text for reply in replies), *map(str, logs), output.out, output.err]
    assert [text for text in shown if shows_number(text)] == []
