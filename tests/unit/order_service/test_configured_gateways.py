"""A payment stays with its gateway, whichever one new payments go to."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from order_service.domain.errors import GatewayMisconfigured
from order_service.domain.payment_outcome import Approved
from order_service.gateways.configured import ConfiguredGateways
from order_service.gateways.in_process import InProcessGateway
from order_service.gateways.toss.api import TossApi
from order_service.gateways.toss.gateway import TossGateway
from tests.support.order_builders import NOON, a_refund, a_request


def test_the_payments_own_gateway_is_asked() -> None:
    gateways = ConfiguredGateways("toss", {"in-process": InProcessGateway()})
    request = a_request("pay-1", gateway="in-process")

    assert gateways.name == "toss"
    assert gateways.approve(request) == gateways.find(request, NOON) == Approved(NOON)
    assert gateways.refund(a_refund(request)) == gateways.find_refund(a_refund(request))


@pytest.mark.parametrize("missing", ["toss", "portone"])
def test_no_other_gateway_is_asked_in_place_of_one_that_is_missing(missing: str) -> None:
    gateways = ConfiguredGateways("in-process", {"in-process": InProcessGateway()})
    request = a_request("pay-1", gateway=missing)

    with pytest.raises(GatewayMisconfigured):
        gateways.approve(request)
    with pytest.raises(GatewayMisconfigured):
        gateways.find(request, NOON)
    with pytest.raises(GatewayMisconfigured):
        gateways.refund(a_refund(request))
    with pytest.raises(GatewayMisconfigured):
        gateways.find_refund(a_refund(request))


def toss(account: str, requests: list[httpx.Request]) -> TossGateway:
    """An account that has none of the payments that it is asked about."""

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(404, json={"code": "NOT_FOUND_PAYMENT", "message": ""})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    api = TossApi(client, client, "http://toss.example", SecretStr("test_sk_0123456789"))
    return TossGateway(api, account)


QUESTIONS: dict[str, Callable[[ConfiguredGateways, Any], object]] = {
    "approve": lambda gateways, request: gateways.approve(request),
    "find": lambda gateways, request: gateways.find(request, NOON + timedelta(minutes=13)),
    "void": lambda gateways, request: gateways.void(request, NOON),
    "refund": lambda gateways, request: gateways.refund(a_refund(request)),
    "find refund": lambda gateways, request: gateways.find_refund(a_refund(request)),
}


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_another_account_is_not_asked_about_a_payment(
    ask: Callable[[ConfiguredGateways, Any], object],
) -> None:
    requests: list[httpx.Request] = []
    gateways = ConfiguredGateways("toss", {"toss": toss("account-2", requests)})

    with capture_logs() as logs, pytest.raises(GatewayMisconfigured):
        ask(gateways, a_request("key-1", gateway="toss", account="account-1"))

    assert requests == []
    [line] = logs
    assert (line["event"], line["gateway"], line["account"], line["log_level"]) == (
        "payment_account_not_configured",
        "toss",
        "account-1",
        "error",
    )


@pytest.mark.parametrize("account", ["account-1", None], ids=["its own", "of a former release"])
def test_the_payments_account_is_asked(account: str | None) -> None:
    requests: list[httpx.Request] = []
    gateways = ConfiguredGateways("toss", {"toss": toss("account-1", requests)})

    gateways.find(a_request("key-1", gateway="toss", account=account), NOON)

    assert gateways.accounts == {"toss": "account-1"}
    assert len(requests) == 1
