"""Faults on demand, the same ones for every provider: failures, limits, late answers and lost ones."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.integration.provider_sandbox.doubles import PROVIDERS, TEMPLATE, Doubles, order_text
from tests.integration.provider_sandbox.nhn_client import NhnClient
from tests.integration.provider_sandbox.sens_client import SensClient
from tests.integration.provider_sandbox.solapi_client import SolapiClient
from tests.support.waiting import wait_until

ALIGO = {"apikey": "sandbox-aligo-apikey", "userid": "sandbox"}
Call = Callable[[httpx.Client], httpx.Response]


def _aligo_send(http: httpx.Client) -> httpx.Response:
    form = {
        "senderkey": "a11600000000000000000000000000000000a116",
        "tpl_code": TEMPLATE,
        "sender": "0215880000",
        "receiver_1": "01012345678",
        "subject_1": "주문완료",
        "message_1": order_text(),
    }
    return http.post("/providers/aligo/akv10/alimtalk/send/", data={**ALIGO, **form})


def _solapi_send(http: httpx.Client) -> httpx.Response:
    client = SolapiClient(http)
    return client.send_group(client.a_group())


SENDS: dict[str, Call] = {
    "nhn": lambda http: NhnClient(http).post(),
    "solapi": _solapi_send,
    "sens": lambda http: SensClient(http).post(),
    "aligo": _aligo_send,
}
LOOK_UPS: dict[str, Call] = {
    "nhn": lambda http: http.get(
        "/providers/nhn/alimtalk/v2.3/appkeys/sandbox-nhn-appkey/messages",
        params={"requestId": "x"},
        headers={"X-Secret-Key": "sandbox-nhn-secret"},
    ),
    "solapi": lambda http: SolapiClient(http).call("GET", "/list"),
    "sens": lambda http: SensClient(http).call("GET", "/none"),
}
each_provider = pytest.mark.parametrize("provider", PROVIDERS)
each_that_is_asked = pytest.mark.parametrize("provider", LOOK_UPS)


def control(doubles: Doubles, provider: str, **faults: Any) -> None:
    """Faults of the call that sends."""
    at = {"faultsAt": "send-group"} if provider == "solapi" else {}
    doubles.control(**{provider: {**faults, **at}})


def sent(doubles: Doubles, provider: str) -> list[dict[str, Any]]:
    return [message for message in doubles.messages(provider=provider) if message["sends"]]


@each_provider
@pytest.mark.parametrize(("fault", "status"), [("failNext", 503), ("throttleNext", 429)])
def test_it_fails_as_often_as_it_was_asked_to(
    doubles: Doubles, provider: str, fault: str, status: int
) -> None:
    control(doubles, provider, **{fault: 2})

    replies = [SENDS[provider](doubles.http) for _ in range(3)]

    assert [reply.status_code for reply in replies[:2]] == [status, status]
    assert replies[2].is_success
    assert [reply.headers.get("Retry-After") for reply in replies[:2]] == ["1" if status == 429 else None] * 2
    assert len(sent(doubles, provider)) == 1
    assert doubles.faults(provider)[fault] == 0


@each_provider
def test_a_rejected_request_is_answered_as_the_provider_does(doubles: Doubles, provider: str) -> None:
    control(doubles, provider, rejectNext=1)

    reply = SENDS[provider](doubles.http)

    body = reply.json()
    expected: dict[str, tuple[int, Any]] = {
        "nhn": (200, 4),
        "solapi": (400, "ValidationError"),
        "sens": (400, 400),
        "aligo": (200, -99),
    }
    codes = {"nhn": body.get("header", {}).get("resultCode"), "solapi": body.get("errorCode")}
    found = codes.get(provider, body.get("status") or body.get("code"))
    assert (reply.status_code, found) == expected[provider]
    assert sent(doubles, provider) == []


@each_that_is_asked
def test_look_ups_fail_apart_from_sends(doubles: Doubles, provider: str) -> None:
    doubles.control(**{provider: {"failNextLookups": 1}})

    statuses = [call(doubles.http).status_code for call in (SENDS[provider], *[LOOK_UPS[provider]] * 2)]

    assert statuses[1] == 503
    assert statuses[0] < 300
    assert statuses[2] < 500


@each_that_is_asked
def test_too_many_calls_a_second_are_refused(doubles: Doubles, provider: str) -> None:
    doubles.control(**{provider: {"requestsPerSecond": 1}})

    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(LOOK_UPS[provider], [doubles.http] * 4))

    assert 429 in [reply.status_code for reply in replies]
    assert {request["fault"] for request in doubles.requests(provider)} == {None, "requests_per_second"}


@each_provider
def test_it_accepts_and_answers_too_late(doubles: Doubles, provider: str) -> None:
    control(doubles, provider, timeoutAfterAcceptNext=1, timeoutMs=8_000)

    with httpx.Client(base_url=doubles.url, timeout=0.5, trust_env=False) as impatient:
        with pytest.raises(httpx.ReadTimeout):
            SENDS[provider](impatient)
        assert len(sent(doubles, provider)) == 1


@pytest.mark.parametrize("provider", ["nhn", "aligo"])
def test_it_accepts_only_after_its_client_has_left(doubles: Doubles, provider: str) -> None:
    doubles.control(**{provider: {"timeoutBeforeAcceptNext": 1, "timeoutMs": 4_000}})

    with httpx.Client(base_url=doubles.url, timeout=0.5, trust_env=False) as impatient:
        with pytest.raises(httpx.ReadTimeout):
            SENDS[provider](impatient)
        assert doubles.messages(provider=provider) == []
        (waiting,) = doubles.requests(provider)
        assert waiting["status"] is None
    wait_until(lambda: doubles.messages(provider=provider), "the message to be accepted")


@each_provider
def test_latency_delays_each_answer(doubles: Doubles, provider: str) -> None:
    doubles.control(**{provider: {"latencyMs": 400}})
    began = time.monotonic()

    SENDS[provider](doubles.http)

    assert time.monotonic() - began >= 0.4


def test_faults_of_one_provider_leave_the_others_alone(doubles: Doubles) -> None:
    doubles.control(nhn={"failNext": 10})

    statuses = {provider: SENDS[provider](doubles.http).status_code for provider in PROVIDERS}

    assert statuses == {"nhn": 503, "solapi": 200, "sens": 202, "aligo": 200}


@pytest.mark.parametrize(
    "body",
    [
        {"nhn": {"failNext": -1}},
        {"nhn": {"webhookUrl": "ftp://host"}},
        {"nhn": {"refusedRecipients": {"01012345678": "A1"}}},
        {"nhn": {"rejectCode": "A1"}},
        {"solapi": {"secondSend": "perhaps"}},
        {"sens": {"webhookUrl": "http://host"}},
        {"aligo": {"messagesLeft": 1}},
    ],
)
def test_invalid_controls_are_refused(doubles: Doubles, body: dict[str, Any]) -> None:
    reply = doubles.http.put("/controls", json=body)

    assert reply.status_code == 422
    assert reply.json()["errors"]


def test_a_body_over_64_kib_is_too_large(doubles: Doubles) -> None:
    reply = doubles.http.post("/providers/aligo/akv10/alimtalk/send/", data={**ALIGO, "sender": "2" * 70_000})

    assert reply.status_code == 413
