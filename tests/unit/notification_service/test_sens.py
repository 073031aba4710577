"""Naver Cloud SENS: what is sent, and what its replies mean."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from notification_service.alimtalk.sens import SensAccount, SensAlimtalkProvider, sens_signature
from notification_service.domain.alimtalk_results import Answer, ProviderResult, ResultState
from notification_service.domain.alimtalk_template import Button, ButtonKind
from notification_service.domain.errors import (
    DeliveryFailed,
    DeliveryRejected,
    NotSent,
    OutcomeUnknown,
    ProviderStopped,
    ProviderThrottled,
    ReceiverUnavailable,
    TemplateRefused,
)
from servicekit.outbound.bounded_transport import INCOMPLETE
from tests.support.notification_builders import a_message, an_awaited_result
from tests.unit.notification_service.scripted_provider import (
    Reply,
    ScriptedProvider,
    answered,
    answered_bytes,
    malformed_replies,
)

SERVICE_ID = "ncp:kkobizmsg:kr:123:shop"
MESSAGES = f"/alimtalk/v2/services/{SERVICE_ID}/messages"


def adapter(provider: ScriptedProvider) -> SensAlimtalkProvider:
    account = SensAccount(
        access_key="access-key", secret_key="secret-key", service_id=SERVICE_ID, channel_id="@shop"
    )
    return SensAlimtalkProvider(provider.client, account, provider.url)


def requested(code: object = "A000", message_id: object = "m-1", status: int = 202) -> httpx.Response:
    message = {"messageId": message_id, "to": "01012345678", "requestStatusCode": code}
    return answered({"requestId": "r-1", "statusCode": "202", "messages": [message]}, status)


def listed(*messages: dict[str, Any], **others: Any) -> httpx.Response:
    return answered({"messages": list(messages), **others})


def message(**changes: Any) -> dict[str, Any]:
    return {"messageId": "m-1", "to": "01012345678", "content": "[주문완료] …"} | changes


def failure_of(reply: Reply) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failure:
        adapter(ScriptedProvider(reply)).send(a_message(), lambda: True)
    return failure.value


def test_the_finished_text_is_posted() -> None:
    provider = ScriptedProvider(requested())

    assert adapter(provider).send(a_message(), lambda: True) == "m-1"

    assert provider.calls == [f"POST {MESSAGES}"]
    assert provider.body() == {
        "plusFriendId": "@shop",
        "templateCode": "ORDER_COMPLETED",
        "messages": [
            {
                "countryCode": "82",
                "to": "01012345678",
                "content": "[주문완료] …",
                "useSmsFailover": False,
            }
        ],
    }


def test_title_and_buttons_are_posted_with_the_text() -> None:
    button = Button(ButtonKind.WEB_LINK, "주문 보기", mobile_link="https://shop.example/o-1")
    provider = ScriptedProvider(requested())

    adapter(provider).send(replace(a_message(), title="주문", buttons=(button,)), lambda: True)

    [posted] = provider.body()["messages"]
    assert posted["title"] == "주문"
    assert posted["buttons"] == [
        {"type": "WL", "name": "주문 보기", "linkMobile": "https://shop.example/o-1"}
    ]


@pytest.mark.parametrize(
    ("method", "path", "signature"),
    [
        # printf 'POST /…\n1764385200000\naccess-key' | openssl dgst -sha256 -hmac secret-key -binary | base64
        ("POST", f"/gateway{MESSAGES}", "BnNvrk0Admuwv+7at3OAqR1868wpdFkpjrBUqLdnRLk="),
        ("GET", f"{MESSAGES}?to=01012345678&pageSize=50", "mrhVo087BgdYShWj2oSxiU5eV4VpvEYC+WbjDfGT4e4="),
    ],
)
def test_the_signature_is_the_hmac_of_request_and_time(method: str, path: str, signature: str) -> None:
    assert sens_signature("secret-key", method, path, "1764385200000", "access-key") == signature


def test_the_path_is_signed_as_it_is_sent() -> None:
    provider = ScriptedProvider(requested(), listed())
    adapter(provider).send(a_message(), lambda: True)
    adapter(provider).find(a_message())

    for request in provider.requests:
        path = request.url.raw_path.decode()
        assert path.startswith(f"/gateway{MESSAGES}")
        timestamp = request.headers["x-ncp-apigw-timestamp"]
        assert abs(int(timestamp) / 1_000 - datetime.now().timestamp()) < 60  # noqa: DTZ005
        assert request.headers["x-ncp-iam-access-key"] == "access-key"
        signature = sens_signature("secret-key", request.method, path, timestamp, "access-key")
        assert request.headers["x-ncp-apigw-signature-v2"] == signature
    assert "?" in provider.requests[1].url.raw_path.decode()


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (requested("3016"), TemplateRefused),
        (requested("3019"), DeliveryRejected),
        (answered({"error": "template not approved"}, 400), DeliveryRejected),
        (requested("3012"), ReceiverUnavailable),
        (answered({}, 401), ProviderStopped),
        (answered({}, 403), ProviderStopped),
        (answered({}, 404), ReceiverUnavailable),
        (answered({}, 429), ProviderThrottled),
        (requested("A001"), OutcomeUnknown),
        (requested("3005"), OutcomeUnknown),
        (requested(0), OutcomeUnknown),
        (requested(message_id=None), OutcomeUnknown),
        (requested(message_id="a\x00b"), OutcomeUnknown),
        (answered({"messages": []}, 202), OutcomeUnknown),
        (httpx.ReadTimeout, OutcomeUnknown),
        (answered({}, 500), OutcomeUnknown),
    ],
)
def test_each_reply_has_one_meaning(reply: Reply, meaning: type[DeliveryFailed]) -> None:
    assert type(failure_of(reply)) is meaning


@malformed_replies
def test_a_malformed_reply_is_unknown(content: bytes) -> None:
    assert type(failure_of(answered_bytes(content))) is OutcomeUnknown
    with pytest.raises(OutcomeUnknown):
        adapter(ScriptedProvider(answered_bytes(content))).find(a_message())
    with pytest.raises(OutcomeUnknown):
        adapter(ScriptedProvider(answered_bytes(content))).results([an_awaited_result()])


def test_nothing_is_posted_once_it_may_not_be_sent() -> None:
    provider = ScriptedProvider(requested())

    with pytest.raises(NotSent):
        adapter(provider).send(a_message(), lambda: False)
    assert provider.requests == []


def test_a_look_up_asks_for_the_recipient_in_at_most_31_days() -> None:
    provider = ScriptedProvider(listed())

    assert adapter(provider).find(a_message()) is None

    assert b"+" not in provider.requests[0].url.raw_path
    parameters = dict(provider.requests[0].url.params)
    start, end = (
        datetime.strptime(f"{parameters.pop(name)} +0900", "%Y-%m-%d %H:%M:%S %z")
        for name in ("requestStartTime", "requestEndTime")
    )
    assert end - start == timedelta(days=30)
    assert start < datetime.now(start.tzinfo) < end
    assert parameters == {
        "plusFriendId": "@shop",
        "templateCode": "ORDER_COMPLETED",
        "to": "01012345678",
        "pageSize": "50",
    }


def test_a_message_is_found_by_its_text_whatever_its_line_ends() -> None:
    provider = ScriptedProvider(
        listed(message(messageId="m-0", content="…"), message(content="[주문완료]\r\n…"))
    )

    assert adapter(provider).find(a_message()) == "m-1"


def test_messages_that_finally_failed_are_not_found() -> None:
    failed = a_message(failed_ids=frozenset({"m-1", "m-2"}))
    first, second, third = (message(messageId=f"m-{n}") for n in (1, 2, 3))

    assert adapter(ScriptedProvider(listed(first, second))).find(failed) is None
    assert adapter(ScriptedProvider(listed(first, second, third))).find(failed) == "m-3"


def test_a_message_on_the_next_page_is_found() -> None:
    provider = ScriptedProvider(listed(message(content="…"), nextToken="t-1"), listed(message()))

    assert adapter(provider).find(a_message()) == "m-1"
    assert [request.url.params.get("nextToken") for request in provider.requests] == [None, "t-1"]


def test_a_look_up_that_never_ends_does_not_count_as_none() -> None:
    provider = ScriptedProvider(*(listed(message(content="…"), nextToken=f"t-{n}") for n in range(30)))

    with pytest.raises(OutcomeUnknown):
        adapter(provider).find(a_message())
    assert len(provider.requests) == 20


@pytest.mark.parametrize("reply", [listed(message(content="[주문완료] another")), answered_bytes(b"", 404)])
def test_a_message_that_is_not_found_is_none(reply: httpx.Response) -> None:
    assert adapter(ScriptedProvider(reply)).find(a_message()) is None


@pytest.mark.parametrize(
    "reply",
    [
        listed(message(content=None)),
        listed(message(to="01000000000")),
        listed(message(to=None)),
        listed(nextToken=1),
        listed(message(messageId=7)),
        listed(message(content=7)),
    ],
)
def test_a_look_up_that_excludes_nothing_does_not_count_as_none(reply: httpx.Response) -> None:
    with pytest.raises(OutcomeUnknown):
        adapter(ScriptedProvider(reply)).find(a_message())


def test_a_message_is_looked_up_by_every_text_it_may_have() -> None:
    english = a_message(template_code="EN", content="English", other_texts={"KO": "한국어"})
    found = message(content="한국어")
    provider = ScriptedProvider(listed(message(content="English")), listed(), listed(found), listed())

    assert [adapter(provider).find(english) for _ in range(2)] == ["m-1", "m-1"]
    assert adapter(ScriptedProvider(listed(), listed())).find(english) is None

    codes = [request.url.params["templateCode"] for request in provider.requests]
    assert codes == ["EN", "EN", "KO"]


@pytest.mark.parametrize(
    "reply",
    [
        answered({"error": "no such path"}, 404),
        httpx.Response(404, extensions={INCOMPLETE: "its body didn't arrive"}),
        answered({}, 401),
    ],
)
def test_a_refused_look_up_does_not_count_as_none(reply: httpx.Response) -> None:
    with pytest.raises(ReceiverUnavailable):
        adapter(ScriptedProvider(reply)).find(a_message())


def stored(**changes: Any) -> dict[str, Any]:
    return message(requestStatusCode="A000", messageStatusCode="0000", messageStatusName="success") | changes


@pytest.mark.parametrize(
    ("changes", "state", "code"),
    [
        ({}, ResultState.DELIVERED, "0000"),
        ({"messageStatusCode": None, "messageStatusName": "processing"}, ResultState.ACCEPTED, ""),
        ({"messageStatusCode": "3019"}, ResultState.FAILED, "3019"),
        ({"messageStatusCode": "3016"}, ResultState.FAILED, "3016"),
        ({"messageStatusCode": "3005"}, ResultState.UNKNOWN, "3005"),
        ({"messageStatusCode": "5555"}, ResultState.UNKNOWN, "5555"),
        # Accepted is said of the request, and not yet of the message.
        ({"requestStatusCode": "A001"}, ResultState.UNKNOWN, "A001"),
        ({"requestStatusCode": "3016"}, ResultState.FAILED, "3016"),
    ],
)
def test_a_result_has_the_state_of_its_code(changes: dict[str, Any], state: ResultState, code: str) -> None:
    provider = ScriptedProvider(answered(stored(**changes)))

    answer = adapter(provider).results([an_awaited_result()])
    assert answer == Answer([ProviderResult("m-1", None, state, code)])
    assert provider.calls == [f"GET {MESSAGES}/m-1"]
    path, headers = provider.requests[0].url.raw_path.decode(), provider.requests[0].headers
    signature = sens_signature("secret-key", "GET", path, headers["x-ncp-apigw-timestamp"], "access-key")
    assert headers["x-ncp-apigw-signature-v2"] == signature


def test_a_message_that_sens_does_not_know_has_no_result() -> None:
    assert adapter(ScriptedProvider(answered_bytes(b"", 404))).results([an_awaited_result()]) == Answer([])


@pytest.mark.parametrize("reply", [answered(stored(messageId="m-2")), answered(stored(requestStatusCode=0))])
def test_a_reply_without_the_result_is_unknown(reply: httpx.Response) -> None:
    with pytest.raises(OutcomeUnknown):
        adapter(ScriptedProvider(reply)).results([an_awaited_result()])
