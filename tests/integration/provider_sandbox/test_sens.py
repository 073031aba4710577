"""SENS's double: signature v2, acceptance that says little, results and the SMS in their place."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.integration.provider_sandbox.doubles import Doubles, order_text
from tests.integration.provider_sandbox.sens_client import (
    FAILOVER,
    PREFIX,
    SERVICE_ID,
    SensClient,
    a_message,
    signed,
)

TARGET = f"{PREFIX}/alimtalk/v2/services/{SERVICE_ID}/messages?requestId=none"


@pytest.fixture
def sens(doubles: Doubles) -> SensClient:
    return SensClient(doubles.http)


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "wrong"},
        {"access_key": "OTHER"},
        {"method": "POST"},
        {"target": TARGET.removeprefix(PREFIX)},
        {"target": TARGET.split("?")[0]},
        {"age_seconds": 6 * 60},
        {"age_seconds": -6 * 60},
    ],
    ids=["secret", "access key", "method", "no prefix", "no query", "too old", "too new"],
)
def test_a_request_without_a_good_signature_is_refused(doubles: Doubles, wrong: dict[str, Any]) -> None:
    # Signed now and not when the tests are collected, which may be minutes ago.
    headers = signed(**{"method": "GET", "target": TARGET, **wrong})

    reply = doubles.http.get(TARGET, headers=headers)

    assert (reply.status_code, reply.json()["error"]["errorCode"]) == (401, "200")


def test_a_request_without_a_signature_is_refused(doubles: Doubles) -> None:
    reply = doubles.http.get(TARGET)

    assert (reply.status_code, reply.json()["error"]["errorCode"]) == (401, "200")


@pytest.mark.parametrize("age_seconds", [4 * 60, -4 * 60])
def test_a_clock_that_differs_by_less_than_5_minutes_is_fine(doubles: Doubles, age_seconds: int) -> None:
    assert doubles.http.get(TARGET, headers=signed("GET", TARGET, age_seconds=age_seconds)).status_code == 404


def test_the_signature_covers_the_path_as_it_was_encoded(doubles: Doubles) -> None:
    encoded = TARGET.replace(":", "%3A")

    as_sent = doubles.http.get(encoded, headers=signed("GET", encoded))
    decoded = doubles.http.get(encoded, headers=signed("GET", TARGET))

    assert (as_sent.status_code, decoded.status_code) == (404, 401)


def test_another_service_is_forbidden(sens: SensClient) -> None:
    assert sens.call("GET", "/x", service_id="ncp:kkobizmsg:kr:1:other").status_code == 403


def test_an_accepted_message_is_delivered_only_later(doubles: Doubles, sens: SensClient) -> None:
    doubles.control(sens={"resultDelayMs": 60_000})

    reply = sens.post()

    assert (reply.status_code, reply.json()["statusCode"]) == (202, "202")
    (accepted,) = reply.json()["messages"]
    assert accepted["requestStatusCode"] == "A000"
    before = sens.message(accepted["messageId"])
    assert (before["messageStatusCode"], before["completeTime"]) == (None, None)
    doubles.pass_time(60)
    after = sens.message(accepted["messageId"])
    assert (after["messageStatusCode"], after["messageStatusName"]) == ("0000", "success")
    assert doubles.totals("sens")["delivered"] == 1


def test_a_text_that_differs_is_accepted_and_fails_later(doubles: Doubles, sens: SensClient) -> None:
    doubles.control(sens={"resultDelayMs": 0})

    (accepted,) = sens.send(a_message(content="다른 글"))["messages"]

    assert accepted["requestStatusCode"] == "A000"
    assert sens.message(accepted["messageId"])["messageStatusCode"] == "3016"


def test_some_messages_of_a_request_fail_alone(doubles: Doubles, sens: SensClient) -> None:
    doubles.control(sens={"refusedRecipients": {"01000000002": "A104"}})

    reply = sens.send(a_message("01000000001"), a_message("01000000002"), a_message("021234567"))

    assert [each["requestStatusCode"] for each in reply["messages"]] == ["A000", "A104", "A001"]
    assert doubles.totals("sens")["accepted"] == 1


def test_unknown_and_unapproved_templates_are_refused(doubles: Doubles, sens: SensClient) -> None:
    assert sens.post(templateCode="NO_SUCH").status_code == 400

    doubles.unapprove()

    assert sens.post().status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": []},
        {"messages": [a_message()] * 101},
        {"plusFriendId": "@other"},
        {"messages": [a_message(content="x" * 1001)]},
        {"unknown": 1},
    ],
)
def test_an_invalid_body_is_refused(sens: SensClient, changes: dict[str, Any]) -> None:
    reply = sens.post(**changes)

    assert (reply.status_code, reply.json()["status"]) == (400, 400)


@pytest.mark.parametrize(("fails", "name", "delivered"), [(False, "success", 1), (True, "fail", 0)])
def test_an_sms_replaces_a_message_that_kakao_cannot_deliver(
    doubles: Doubles, sens: SensClient, fails: bool, name: str, delivered: int
) -> None:
    timing = {"resultDelayMs": 0, "fallbackDelayMs": 60_000, "fallbackFails": fails}
    doubles.control(sens={**timing, "resultCode": "3020"})
    (sent,) = sens.send(a_message(useSmsFailover=True, failoverConfig=FAILOVER))["messages"]
    first = sens.message(sent["messageId"])

    doubles.pass_time(60)
    last = sens.message(sent["messageId"])

    assert (first["messageStatusCode"], first["failover"]["messageStatusName"]) == ("3020", "processing")
    assert last["failover"]["messageStatusName"] == name
    assert doubles.totals("sens")["delivered"] == delivered


def test_messages_are_listed_by_request_and_by_period(sens: SensClient) -> None:
    request_id = sens.send(*[a_message(f"0100000000{at}") for at in range(3)])["requestId"]
    now = datetime.now(timezone(timedelta(hours=9)))
    start, end = (f"{now + timedelta(minutes=at):%Y-%m-%d %H:%M:%S}" for at in (-1, 1))

    by_request = sens.call("GET", requestId=request_id, pageSize=2).json()
    rest = sens.call("GET", requestId=request_id, pageSize=2, nextToken=by_request["nextToken"]).json()
    by_period = sens.call("GET", plusFriendId="@sandbox", requestStartTime=start, requestEndTime=end).json()

    numbers = [each["to"] for each in [*by_request["messages"], *rest["messages"]]]
    assert numbers == ["01000000000", "01000000001", "01000000002"]
    assert (by_request["hasMore"], rest["hasMore"]) == (True, False)
    assert [each["to"] for each in by_period["messages"]] == numbers
    assert sens.call("GET").status_code == 400


def test_nothing_found_is_an_empty_404(sens: SensClient) -> None:
    for reply in (sens.call("GET", requestId="none"), sens.call("GET", "/none")):
        assert (reply.status_code, reply.content) == (404, b"")


def test_the_same_text_to_the_same_number_counts_as_doubled(doubles: Doubles, sens: SensClient) -> None:
    for order_id in ("019a-1", "019a-1", "019a-2"):
        sens.send(a_message(content=order_text(order_id)))

    assert doubles.totals("sens")["doubledReferences"] == 1
    assert [each["variables"]["orderId"] for each in doubles.messages()] == ["019a-1", "019a-1", "019a-2"]
