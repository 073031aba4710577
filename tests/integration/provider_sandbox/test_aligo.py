"""Aligo's double: forms, and a code in each answer."""

from typing import Any

import httpx
import pytest

from tests.integration.provider_sandbox.doubles import TEMPLATE, Doubles, order_text

URL = "/providers/aligo/akv10/alimtalk/send/"
DETAIL_URL = "/providers/aligo/akv10/history/detail/"
ACCOUNT = {"apikey": "sandbox-aligo-apikey", "userid": "sandbox"}
SENDER_KEY = "a11600000000000000000000000000000000a116"


class AligoClient:
    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def send(self, *numbers: str, content: str | None = None, **form: str) -> dict[str, Any]:
        fields = {"senderkey": SENDER_KEY, "tpl_code": TEMPLATE, "sender": "0215880000"}
        for at, number in enumerate(numbers or ("01012345678",), 1):
            fields |= {
                f"receiver_{at}": number,
                f"subject_{at}": "주문완료",
                f"message_{at}": order_text() if content is None else content,
                f"fsubject_{at}": "주문완료",
                f"fmessage_{at}": "주문이 완료되었습니다.",
            }
        reply: dict[str, Any] = (
            self._http.post(URL, data={**ACCOUNT, **fields, **form}).raise_for_status().json()
        )
        return reply

    def detail(self, mid: object, **form: str) -> dict[str, Any]:
        fields = {**ACCOUNT, "mid": str(mid), **form}
        reply: dict[str, Any] = self._http.post(DETAIL_URL, data=fields).raise_for_status().json()
        return reply


@pytest.fixture
def aligo(doubles: Doubles) -> AligoClient:
    return AligoClient(doubles.http)


@pytest.mark.parametrize("wrong", [{"apikey": "wrong"}, {"userid": "wrong"}])
def test_wrong_credentials_get_200_and_a_negative_code(aligo: AligoClient, wrong: dict[str, str]) -> None:
    assert aligo.send(**wrong)["code"] < 0


def test_a_message_is_accepted_and_its_result_comes_later(doubles: Doubles, aligo: AligoClient) -> None:
    doubles.control(aligo={"resultDelayMs": 60_000})

    reply = aligo.send()

    assert reply["code"] == 0
    assert (reply["info"]["type"], reply["info"]["scnt"], reply["info"]["fcnt"]) == ("AT", 1, 0)
    (pending,) = doubles.messages(provider="aligo")
    doubles.pass_time(60)
    (delivered,) = doubles.messages(provider="aligo")
    assert (pending["stage"], delivered["stage"]) == ("PENDING", "DELIVERED")
    assert (delivered["recipientNo"], delivered["content"]) == ("01012345678", order_text())


def test_some_recipients_of_a_request_fail_alone(doubles: Doubles, aligo: AligoClient) -> None:
    doubles.control(aligo={"refusedRecipients": {"01000000002": "-1"}})

    reply = aligo.send("01000000001", "01000000002", "021234567")

    assert (reply["code"], reply["info"]["scnt"], reply["info"]["fcnt"]) == (0, 1, 2)
    assert [each["recipientNo"] for each in doubles.messages()] == ["01000000001"]


def test_a_request_without_any_valid_recipient_fails(aligo: AligoClient) -> None:
    assert aligo.send("021234567")["code"] < 0


@pytest.mark.parametrize(
    "changes",
    [
        {"tpl_code": "NO_SUCH"},
        {"senderkey": "wrong"},
        {"sender": "0299999999"},
        {"message_1": ""},
        {"x": "1"},
    ],
)
def test_an_invalid_request_gets_a_negative_code(
    doubles: Doubles, aligo: AligoClient, changes: dict[str, str]
) -> None:
    assert aligo.send(**changes)["code"] < 0
    assert doubles.messages() == []


def test_an_unapproved_template_is_refused(doubles: Doubles, aligo: AligoClient) -> None:
    doubles.unapprove()

    assert aligo.send()["code"] < 0


def test_a_text_that_differs_is_accepted_and_fails_later(doubles: Doubles, aligo: AligoClient) -> None:
    doubles.control(aligo={"resultDelayMs": 0})

    assert aligo.send(content="다른 글")["code"] == 0
    assert [each["resultCode"] for each in doubles.messages()] == ["3016"]


def test_an_sms_replaces_a_message_that_kakao_cannot_deliver(doubles: Doubles, aligo: AligoClient) -> None:
    doubles.control(aligo={"resultDelayMs": 0, "fallbackDelayMs": 0, "resultCode": "3019"})

    aligo.send(failover="Y")
    aligo.send(failover="N")

    assert [each["resultCode"] for each in doubles.messages()] == ["3019", "3019"]
    assert doubles.totals("aligo") == {"accepted": 2, "delivered": 1, "failed": 1, "doubledReferences": 1}


def test_the_history_shows_each_recipient_of_a_sending(doubles: Doubles, aligo: AligoClient) -> None:
    doubles.control(aligo={"resultDelayMs": 60_000, "recipientResults": {"01000000002": "3019"}})
    mid = aligo.send("01000000001", "01000000002")["info"]["mid"]

    pending = aligo.detail(mid)
    doubles.pass_time(60)
    final, page = aligo.detail(mid), aligo.detail(mid, page="2", limit="1")

    assert [each["rslt"] for each in pending["list"]] == [None, None]
    assert [(each["phone"], each["rslt"]) for each in final["list"]] == [
        ("01000000001", "0"),
        ("01000000002", "3019"),
    ]
    assert all(each["rsltdate"] for each in final["list"])
    assert ([each["phone"] for each in page["list"]], page["totalPage"]) == (["01000000002"], 2)


def test_the_history_of_an_unknown_sending_is_empty(aligo: AligoClient) -> None:
    assert (aligo.detail(1)["code"], aligo.detail(1)["list"]) == (0, [])
    assert aligo.detail(1, apikey="wrong")["code"] < 0


def test_a_test_is_answered_and_not_sent(doubles: Doubles, aligo: AligoClient) -> None:
    assert aligo.send(testMode="Y")["code"] == 0
    assert doubles.messages() == []


def test_the_api_key_is_not_kept(doubles: Doubles, aligo: AligoClient) -> None:
    aligo.send()

    (request,) = doubles.requests("aligo")
    assert "receiver_1=01012345678" in request["body"]
    assert ACCOUNT["apikey"] not in request["body"]
