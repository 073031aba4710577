"""What NHN and SOLAPI answer about templates; anything unclear is no approval and no refusal."""

from typing import Any, Protocol

import httpx
import pytest

from notification_service.alimtalk.nhn import NhnAccount, NhnTemplates
from notification_service.alimtalk.solapi import SolapiAccount, SolapiTemplates
from notification_service.domain.errors import DeliveryFailed
from notification_service.domain.registered_template import (
    ApprovalState,
    RegisteredButton,
    RegisteredTemplate,
)
from tests.unit.notification_service.scripted_provider import (
    Reply,
    ScriptedProvider,
    answered,
    answered_bytes,
    malformed_replies,
)

CODE = "ORDER_COMPLETED"
NHN_STATES = {"TSC01": "REQUESTED", "TSC02": "IN_REVIEW", "TSC03": "APPROVED", "TSC04": "REJECTED"}
SOLAPI_STATES = {
    "PENDING": "REQUESTED",
    "INSPECTING": "IN_REVIEW",
    "APPROVED": "APPROVED",
    "REJECTED": "REJECTED",
}


class Register(Protocol):
    def registered(self, code: str) -> RegisteredTemplate | None: ...


def nhn(provider: ScriptedProvider) -> Register:
    return NhnTemplates(provider.client, NhnAccount("app-key", "secret-key", "sender/key"), provider.url)


def solapi(provider: ScriptedProvider) -> Register:
    account = SolapiAccount("api-key", "api-secret", "pf-id", "0212345678", {CODE: "template-id"})
    return SolapiTemplates(provider.client, account, provider.url)


each_register = pytest.mark.parametrize("register", [nhn, solapi])


def nhn_list(*templates: dict[str, Any]) -> httpx.Response:
    header = {"resultCode": 0, "resultMessage": "SUCCESS", "isSuccessful": True}
    return answered({"header": header, "templateListResponse": {"templates": templates, "totalCount": 1}})


def nhn_template(code: str = CODE, status: str = "TSC03", **changes: Any) -> dict[str, Any]:
    return {"templateCode": code, "templateContent": "text", "status": status, **changes}


def solapi_template(**changes: Any) -> httpx.Response:
    return answered({"templateId": "template-id", "content": "text", "status": "APPROVED", **changes})


def test_nhn_is_asked_for_one_template_by_its_code() -> None:
    buttons = [
        {"ordering": 2, "type": "DS", "name": "배송"},
        {"ordering": 1, "type": "WL", "name": "주문", "linkMo": "https://shop.example"},
    ]
    provider = ScriptedProvider(
        nhn_list(nhn_template("OTHER"), nhn_template(buttons=buttons, templateTitle="제목"))
    )

    found = nhn(provider).registered(CODE)

    assert found == RegisteredTemplate(
        "text",
        ApprovalState.APPROVED,
        [
            RegisteredButton("WL", "주문", {"mobile_link": "https://shop.example"}),
            RegisteredButton("DS", "배송"),
        ],
        title="제목",
    )
    [request] = provider.requests
    assert request.url.raw_path.decode() == (
        "/gateway/alimtalk/v2.3/appkeys/app-key/senders/sender%2Fkey/templates?templateCode=ORDER_COMPLETED"
    )
    assert request.headers["X-Secret-Key"] == "secret-key"


def test_solapi_is_asked_for_one_template_by_its_own_id() -> None:
    buttons = [{"buttonType": "WL", "buttonName": "주문", "linkMo": "https://shop.example"}]
    variables = [{"name": "#{name}"}, {"name": "orderId"}]
    provider = ScriptedProvider(solapi_template(buttons=buttons, variables=variables, emphasizeType="NONE"))

    found = solapi(provider).registered(CODE)

    button = RegisteredButton("WL", "주문", {"mobile_link": "https://shop.example"})
    assert found == RegisteredTemplate(
        "text", ApprovalState.APPROVED, [button], "", "", frozenset({"name", "orderId"})
    )
    assert provider.calls == ["GET /kakao/v2/templates/template-id"]
    assert provider.requests[0].headers["Authorization"].startswith("HMAC-SHA256 apiKey=api-key, date=")


@pytest.mark.parametrize(("status", "state"), [*NHN_STATES.items(), ("TSC09", "UNKNOWN")])
def test_each_state_of_nhn_is_known(status: str, state: str) -> None:
    found = nhn(ScriptedProvider(nhn_list(nhn_template(status=status)))).registered(CODE)

    assert found is not None
    assert found.state == state


@pytest.mark.parametrize(("status", "state"), [*SOLAPI_STATES.items(), ("DELETED", "UNKNOWN")])
def test_each_state_of_solapi_is_known(status: str, state: str) -> None:
    found = solapi(ScriptedProvider(solapi_template(status=status))).registered(CODE)

    assert found is not None
    assert found.state == state


def test_a_template_that_is_not_there_is_none() -> None:
    assert nhn(ScriptedProvider(nhn_list())).registered(CODE) is None
    assert solapi(ScriptedProvider(answered({"errorCode": "x"}, 404))).registered(CODE) is None
    assert solapi(ScriptedProvider()).registered("ORDER_COMPLETED_EN") is None


@each_register
@pytest.mark.parametrize(
    "reply", [answered({}, 401), answered({}, 503), answered({}, 500), httpx.ReadTimeout, httpx.ConnectError]
)
def test_a_failure_says_nothing_of_the_template(register: Any, reply: Reply) -> None:
    with pytest.raises(DeliveryFailed):
        register(ScriptedProvider(reply)).registered(CODE)


@each_register
@malformed_replies
def test_a_malformed_reply_says_nothing_of_the_template(register: Any, content: bytes) -> None:
    with pytest.raises(DeliveryFailed):
        register(ScriptedProvider(answered_bytes(content))).registered(CODE)


def test_another_404_of_solapi_says_nothing_of_the_template() -> None:
    for reply in (answered({"message": "no Route matched"}, 404), answered_bytes(b"<html>", 404)):
        with pytest.raises(DeliveryFailed):
            solapi(ScriptedProvider(reply)).registered(CODE)


def test_a_refusal_in_nhns_header_says_nothing_of_the_template() -> None:
    header = {"resultCode": -1001, "resultMessage": "secret", "isSuccessful": False}

    with pytest.raises(DeliveryFailed):
        nhn(ScriptedProvider(answered({"header": header}))).registered(CODE)
