"""The page that stands for a gateway's window, as a browser without scripts uses it."""

import re
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from tests.integration.provider_sandbox.gateways.portone_client import PortoneClient
from tests.integration.provider_sandbox.gateways.toss_client import TossClient, refusal
from tests.support.gateway_sandbox import GatewaySandbox

SHOP = {"successUrl": "https://shop.example/paid?from=window", "failUrl": "https://shop.example/failed"}
ORDER = {"orderId": "order-1", "orderName": "사과 & 배", "amount": "15000"}


class Window:
    """A page with a form; ``press`` sends it as the button does."""

    def __init__(self, http: httpx.Client, page: httpx.Response) -> None:
        self._http = http
        self.text = page.raise_for_status().text
        (self.action,) = re.findall(r'<form method="post" action="([^"]+)"', self.text)
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', self.text)
        self.fields = {name: unescape(value) for name, value in hidden}

    def press(self, button: str) -> httpx.Response:
        assert f'name="action" value="{button}"' in self.text
        return self._http.post(self.action, data={**self.fields, "action": button})


def open_window(gateways: GatewaySandbox, gateway: str = "toss", **query: str) -> Window:
    page = gateways.http.get(f"/gateways/checkout/{gateway}", params={**ORDER, **query})
    return Window(gateways.http, page)


def query_of(reply: httpx.Response) -> dict[str, str]:
    """What the browser brings back to the shop."""
    assert reply.status_code == 303
    return dict(parse_qsl(urlsplit(reply.headers["Location"]).query))


def test_a_person_pays_and_the_shop_confirms(gateways: GatewaySandbox, toss: TossClient) -> None:
    window = open_window(gateways, **SHOP)
    assert "15,000원" in window.text
    assert "사과 &amp; 배" in window.text
    assert gateways.payment()["status"] == "READY"

    reply = window.press("pay")

    assert reply.headers["Location"].startswith("https://shop.example/paid?from=window&")
    result = query_of(reply)
    assert result.keys() == {"from", "paymentType", "orderId", "paymentKey", "amount"}
    toss.confirm(result["paymentKey"], result["orderId"], int(result["amount"])).raise_for_status()
    assert gateways.payment()["status"] == "DONE"


def test_a_card_over_its_limit_is_refused_at_the_confirmation(
    gateways: GatewaySandbox, toss: TossClient
) -> None:
    result = query_of(open_window(gateways, **SHOP).press("decline"))

    assert refusal(toss.confirm(result["paymentKey"])) == (403, "REJECT_CARD_PAYMENT")


@pytest.mark.parametrize(
    ("button", "code", "has_order"),
    [("cancel", "PAY_PROCESS_CANCELED", 0), ("fail", "REJECT_CARD_COMPANY", 1)],
)
def test_an_unpaid_order_comes_back_to_the_other_address(
    gateways: GatewaySandbox, button: str, code: str, has_order: int
) -> None:
    reply = open_window(gateways, **SHOP).press(button)

    assert reply.headers["Location"].startswith("https://shop.example/failed?")
    result = query_of(reply)
    assert (result["code"], "orderId" in result) == (code, has_order)
    assert gateways.payment()["status"] == "READY"


def test_portone_brings_back_a_token(gateways: GatewaySandbox, portone: PortoneClient) -> None:
    paid = query_of(open_window(gateways, "portone", **SHOP).press("pay"))
    failed = query_of(open_window(gateways, "portone", **SHOP).press("fail"))

    portone.confirm(paid["paymentToken"], paid["paymentId"], txId=paid["txId"]).raise_for_status()
    assert portone.payment()["status"] == "PAID"
    assert (failed["code"], "paymentToken" in failed) == ("FAILURE_TYPE_PG", False)


def test_without_an_address_the_page_shows_what_the_shop_would_get(gateways: GatewaySandbox) -> None:
    page = open_window(gateways).press("pay")

    assert page.status_code == 200
    assert gateways.payment()["paymentKey"] in page.text


def test_a_decision_counts_once_and_in_time(gateways: GatewaySandbox) -> None:
    first, late = open_window(gateways), open_window(gateways)
    first.press("pay").raise_for_status()
    assert first.press("pay").status_code == 409

    gateways.pass_time(30 * 60)

    assert late.press("pay").status_code == 409


def test_without_an_order_there_is_a_form_for_it(gateways: GatewaySandbox) -> None:
    page = gateways.http.get("/gateways/checkout/toss")

    assert (page.status_code, gateways.payments()) == (200, [])
    assert 'name="orderId"' in page.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "0"},
        {"amount": "15.5"},
        {"orderId": "<script>"},
        {"currency": "EUR"},
        {"successUrl": "javascript:alert(1)"},
        {"failUrl": "//shop.example"},
    ],
)
def test_a_wrong_order_opens_nothing(gateways: GatewaySandbox, wrong: dict[str, str]) -> None:
    page = gateways.http.get("/gateways/checkout/toss", params={**ORDER, **wrong})

    assert (page.status_code, gateways.payments()) == (400, [])
    assert "<script>" not in page.text


def test_a_wrong_decision_decides_nothing(gateways: GatewaySandbox) -> None:
    window = open_window(gateways)

    replies = [
        gateways.http.post(window.action, data={"action": "steal"}),
        gateways.http.post("/gateways/checkout/toss/unknown", data={"action": "pay"}),
        gateways.http.get("/gateways/checkout/kakao"),
    ]

    assert [reply.status_code for reply in replies] == [400, 409, 404]
    assert gateways.payment()["status"] == "READY"


def test_the_page_loads_nothing_from_elsewhere(gateways: GatewaySandbox) -> None:
    page = gateways.http.get("/gateways/checkout/toss", params={**ORDER, **SHOP})

    assert page.headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert not re.findall(r"<script|<link|<img|src=", page.text)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
