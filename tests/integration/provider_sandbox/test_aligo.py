"""Aligo's double: forms, a code in each answer, and results by request."""

from typing import Any

import httpx
import pytest

from tests.integration.provider_sandbox.doubles import TEMPLATE, Doubles, order_text

ROOT = "/providers/aligo/akv10"
ACCOUNT = {"apikey": "sandbox-aligo-apikey", "userid": "sandbox"}
SENDER_KEY = "a11600000000000000000000000000000000a116"


class AligoClient:
    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def post(self, path: str, **form: str) -> dict[str, Any]:
        reply: dict[str, Any] = (
            self._http.post(f"{ROOT}{path}", data={**ACCOUNT, **form}).raise_for_status().json()
        )
        return reply

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
        return self.post("/alimtalk/send/", **{**fields, **form})

    def detail(self, mid: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.post("/history/detail/", mid=str(mid))["list"]
        return found


@pytest.fixture
def aligo(doubles: Doubles) -> AligoClient:
    return AligoClient(doubles.http)


@pytest.mark.parametrize("wrong", [{"apikey": "wrong"}, {"userid": "wrong"}])
def test_wrong_credentials_get_200_and_a_negative_code(aligo: AligoClient, wrong: dict[str, str]) -> None:
    assert aligo.send(**wrong)["code"] < 0
    assert aligo.post("/history/detail/", mid="1", **wrong)["code"] < 0


def test_a_message_is_accepted_and_its_result_comes_later(doubles: Doubles, aligo: AligoClient) -> None:
    doubles.control(aligo={"resultDelayMs": 60_000})

    reply = aligo.send()

    assert reply["code"] == 0
    assert (reply["info"]["type"], reply["info"]["scnt"], reply["info"]["fcnt"]) == ("AT", 1, 0)
    mid = reply["info"]["mid"]
    assert aligo.detail(mid)[0]["rslt"] == ""
    doubles.pass_time(60)
    (detail,) = aligo.detail(mid)
    assert (detail["rslt"], detail["phone"], detail["message"]) == ("0", "01012345678", order_text())


def test_some_recipients_of_a_request_fail_alone(doubles: Doubles, aligo: AligoClient) -> None:
    doubles.control(aligo={"refusedRecipients": {"01000000002": "-1"}})

    reply = aligo.send("01000000001", "01000000002", "021234567")

    assert (reply["code"], reply["info"]["scnt"], reply["info"]["fcnt"]) == (0, 1, 2)
    assert [each["phone"] for each in aligo.detail(reply["info"]["mid"])] == ["01000000001"]


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

    reply = aligo.send(content="다른 글")

    assert reply["code"] == 0
    assert aligo.detail(reply["info"]["mid"])[0]["rslt"] == "3016"


def test_an_sms_replaces_a_message_that_kakao_cannot_deliver(doubles: Doubles, aligo: AligoClient) -> None:
    doubles.control(aligo={"resultDelayMs": 0, "fallbackDelayMs": 0, "resultCode": "3019"})

    replaced = aligo.detail(aligo.send(failover="Y")["info"]["mid"])[0]
    failed = aligo.detail(aligo.send(failover="N")["info"]["mid"])[0]

    assert (replaced["rslt"], failed["rslt"]) == ("3019", "3019")
    assert (bool(replaced["smid"]), bool(failed["smid"])) == (True, False)
    assert doubles.totals("aligo") == {"accepted": 2, "delivered": 1, "failed": 1, "doubledReferences": 1}


def test_a_test_is_answered_and_not_sent(doubles: Doubles, aligo: AligoClient) -> None:
    assert aligo.send(testMode="Y")["code"] == 0
    assert doubles.messages() == []


def test_requests_are_listed_newest_first_in_pages(aligo: AligoClient) -> None:
    mids = [str(aligo.send("01000000001", "01000000002")["info"]["mid"]) for _ in range(3)]

    pages = [aligo.post("/history/list/", page=str(number), limit="2") for number in (1, 2)]

    assert [each["mid"] for page in pages for each in page["list"]] == mids[::-1]
    assert (pages[0]["totalPage"], pages[0]["list"][0]["msg_count"]) == (2, "2")


def test_the_history_is_that_of_the_days_asked_for(aligo: AligoClient) -> None:
    aligo.send()

    assert aligo.post("/history/list/", startdate="20200101", enddate="20200102")["list"] == []
    assert len(aligo.post("/history/list/", startdate="20200101")["list"]) == 1
    assert aligo.post("/history/list/", startdate="2020-01-01")["code"] < 0


def test_templates_are_listed_with_their_inspection(doubles: Doubles, aligo: AligoClient) -> None:
    doubles.unapprove()

    (found,) = aligo.post("/template/list/", senderkey=SENDER_KEY, tpl_code=TEMPLATE)["list"]

    assert (found["templtCode"], found["inspStatus"]) == (TEMPLATE, "REJ")


def test_the_api_key_is_not_kept(doubles: Doubles, aligo: AligoClient) -> None:
    aligo.send()

    (request,) = doubles.requests("aligo")
    assert "receiver_1=01012345678" in request["body"]
    assert ACCOUNT["apikey"] not in request["body"]
