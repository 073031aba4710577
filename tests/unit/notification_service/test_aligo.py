"""Aligo: what is sent, and what its replies mean."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from notification_service.alimtalk.aligo import AligoAccount, AligoAlimtalkProvider
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.alimtalk_results import Answer, ProviderResult, ResultState
from notification_service.domain.alimtalk_template import Button, ButtonKind
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.errors import (
    DeliveryFailed,
    DeliveryRejected,
    NotSent,
    OutcomeUnknown,
    ProviderStopped,
    ProviderThrottled,
    ReceiverUnavailable,
    Unanswerable,
)
from notification_service.domain.provider_call import Call, CallOutcome, call_of_failure
from tests.support.notification_builders import (
    WRITE_ALIMTALK,
    a_delivery,
    a_message,
    an_awaited_result,
)
from tests.unit.notification_service.scripted_provider import (
    Reply,
    ScriptedProvider,
    answered,
    answered_bytes,
    malformed_replies,
)


def adapter(provider: ScriptedProvider) -> AligoAlimtalkProvider:
    account = AligoAccount(
        api_key="api-key",
        user_id="user-id",
        sender_key="sender-key",
        sender_number="0212345678",
        template_codes={"ORDER_COMPLETED": "TA_1234"},
    )
    return AligoAlimtalkProvider(provider.client, account, provider.url)


def replied(code: object = 0, **info: Any) -> httpx.Response:
    defaults = {"type": "AT", "mid": 123456789, "scnt": 1, "fcnt": 0}
    return answered({"code": code, "message": "…", "info": defaults | info})


def failure_of(reply: Reply) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failure:
        adapter(ScriptedProvider(reply)).send(a_message(), lambda: True)
    return failure.value


def test_a_form_with_the_finished_text_is_posted() -> None:
    provider = ScriptedProvider(replied())

    assert adapter(provider).send(a_message(), lambda: True) == "123456789"

    assert provider.calls == ["POST /akv10/alimtalk/send/"]
    assert provider.requests[0].headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(provider.requests[0].content.decode(), strict_parsing=True) == {
        "apikey": ["api-key"],
        "userid": ["user-id"],
        "senderkey": ["sender-key"],
        "tpl_code": ["TA_1234"],
        "sender": ["0212345678"],
        "receiver_1": ["01012345678"],
        "subject_1": ["ORDER_COMPLETED"],
        "message_1": ["[주문완료] …"],
        "failover": ["N"],
    }


def test_title_and_buttons_are_posted_with_the_text() -> None:
    button = Button(ButtonKind.WEB_LINK, "주문 보기", mobile_link="https://shop.example/o-1")
    provider = ScriptedProvider(replied())

    adapter(provider).send(replace(a_message(), title="주문", buttons=(button,)), lambda: True)

    form = parse_qs(provider.requests[0].content.decode(), strict_parsing=True)
    assert form["emtitle_1"] == ["주문"]
    links = {"linkMo": "https://shop.example/o-1", "linkPc": "", "linkIos": "", "linkAnd": ""}
    assert json.loads(form["button_1"][0]) == {"button": [{"name": "주문 보기", "linkType": "WL", **links}]}


def test_an_id_in_quotes_is_taken_too() -> None:
    assert adapter(ScriptedProvider(replied(mid="m-1"))).send(a_message(), lambda: True) == "m-1"


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (replied(scnt=0, fcnt=1), DeliveryRejected),
        (answered({}, 401), ProviderStopped),
        (answered({}, 403), ProviderStopped),
        (answered({}, 503), ReceiverUnavailable),
        (answered({"code": -99, "message": "…"}), OutcomeUnknown),
        (answered({"code": -101, "message": "…"}), OutcomeUnknown),
        (answered({"code": 509, "message": "…"}), OutcomeUnknown),
        (replied(-99), OutcomeUnknown),
        (replied("0"), OutcomeUnknown),
        (replied(None), OutcomeUnknown),
        (replied(False), OutcomeUnknown),
        (replied(10**400), OutcomeUnknown),
        (replied(scnt=1, fcnt=1), OutcomeUnknown),
        (replied(scnt=0, fcnt=0), OutcomeUnknown),
        (replied(scnt=2, fcnt=0), OutcomeUnknown),
        (replied(scnt="1"), OutcomeUnknown),
        (replied(scnt=-1), OutcomeUnknown),
        (replied(mid=0), OutcomeUnknown),
        (replied(mid=10**30), OutcomeUnknown),
        (replied(mid="a\x00b"), OutcomeUnknown),
        (replied(mid=None), OutcomeUnknown),
        (answered({"code": 0, "message": "…"}), OutcomeUnknown),
        (httpx.ReadTimeout, OutcomeUnknown),
        (answered({}, 500), OutcomeUnknown),
    ],
)
def test_each_reply_has_one_meaning(reply: Reply, meaning: type[DeliveryFailed]) -> None:
    assert type(failure_of(reply)) is meaning


@malformed_replies
def test_a_malformed_reply_is_unknown(content: bytes) -> None:
    assert type(failure_of(answered_bytes(content))) is OutcomeUnknown


def test_nothing_is_posted_once_it_may_not_be_sent() -> None:
    provider = ScriptedProvider(replied())

    with pytest.raises(NotSent):
        adapter(provider).send(a_message(), lambda: False)
    assert provider.requests == []


def listed(*recipients: dict[str, Any], code: int = 0) -> httpx.Response:
    return answered({"code": code, "message": "…", "list": list(recipients)})


def recipient(rslt: object, **changes: Any) -> dict[str, Any]:
    date = "2026-11-30 12:00:00"
    return {"msgid": "m-1", "phone": "01012345678", "rslt": rslt, "rsltdate": date, **changes}


def test_the_history_is_asked_for_one_sending() -> None:
    provider = ScriptedProvider(listed(recipient("0")))

    answer = adapter(provider).results([an_awaited_result("123456789")])

    assert answer == Answer([ProviderResult("123456789", None, ResultState.DELIVERED, "0")])
    assert provider.calls == ["POST /akv10/history/detail/"]
    assert parse_qs(provider.requests[0].content.decode(), strict_parsing=True) == {
        "apikey": ["api-key"],
        "userid": ["user-id"],
        "mid": ["123456789"],
        "page": ["1"],
        "limit": ["2"],
    }


@pytest.mark.parametrize(
    ("row", "state", "code"),
    [
        (recipient(0), ResultState.DELIVERED, "0"),
        (recipient("0", rsltdate=None, reportdate="2026-11-30 12:00:00"), ResultState.DELIVERED, "0"),
        # A code without its date may be what a row begins with.
        (recipient("0", rsltdate=None), ResultState.ACCEPTED, None),
        (recipient("0", rsltdate="0000-00-00 00:00:00"), ResultState.ACCEPTED, None),
        (recipient("0", rsltdate=""), ResultState.ACCEPTED, None),
        (recipient(None), ResultState.ACCEPTED, None),
        (recipient(""), ResultState.ACCEPTED, None),
        # Public sources disagree on these.
        (recipient("U"), ResultState.UNKNOWN, "U"),
        (recipient("3019"), ResultState.UNKNOWN, "3019"),
    ],
)
def test_only_the_code_of_success_is_sure(row: dict[str, Any], state: ResultState, code: str | None) -> None:
    answer = adapter(ScriptedProvider(listed(row))).results([an_awaited_result()])

    assert answer == Answer([ProviderResult("m-1", None, state, code)])


def test_a_sending_that_aligo_does_not_know_has_no_result() -> None:
    assert adapter(ScriptedProvider(listed())).results([an_awaited_result()]) == Answer([])


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (listed(code=-99), OutcomeUnknown),
        (listed(recipient("0"), recipient("0")), OutcomeUnknown),
        (listed(recipient("0\x00")), OutcomeUnknown),
        (answered({"code": 0, "list": [7]}), OutcomeUnknown),
        (answered({}, 401), ProviderStopped),
        (answered({}, 429), ProviderThrottled),
        (answered({}, 503), ReceiverUnavailable),
        (httpx.ReadTimeout, OutcomeUnknown),
    ],
)
def test_a_reply_without_the_result_is_an_error(reply: Reply, meaning: type[DeliveryFailed]) -> None:
    with pytest.raises(DeliveryFailed) as failure:
        adapter(ScriptedProvider(reply)).results([an_awaited_result()])
    assert type(failure.value) is meaning
    assert "01012345678" not in str(failure.value)


def test_a_503_may_hide_an_acceptance_that_nobody_could_look_up() -> None:
    send_alimtalk = SendAlimtalk(adapter(ScriptedProvider(answered({}, 503))), 0.0, WRITE_ALIMTALK)

    with pytest.raises(Unanswerable) as failure:
        send_alimtalk(a_delivery(), lambda: True)
    # For the breaker, the call failed.
    assert call_of_failure(failure.value) == Call(CallOutcome.UNKNOWN, "RECEIVER_ERROR")


@pytest.mark.parametrize("reply", [answered({}, 429), answered({}, 401), httpx.ConnectError])
def test_what_surely_was_not_taken_is_sent_again_without_a_look_up(reply: Reply) -> None:
    send_alimtalk = SendAlimtalk(adapter(ScriptedProvider(reply, replied(mid=7))), 0.0, WRITE_ALIMTALK)

    with pytest.raises(ReceiverUnavailable):
        send_alimtalk(a_delivery(), lambda: True)
    assert send_alimtalk(a_delivery(attempt=2), lambda: True).reference == "7"


def test_what_may_have_been_sent_waits_since_nothing_can_be_looked_up() -> None:
    provider = ScriptedProvider()
    asked = a_delivery(attempt=2, purpose=Purpose.LOOK_UP)

    with pytest.raises(Unanswerable):
        SendAlimtalk(adapter(provider), 0.0, WRITE_ALIMTALK)(asked, lambda: True)
    assert provider.requests == []
