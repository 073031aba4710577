"""NHN's double: authentication, batches, templates, the idempotency key, results and lists."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.integration.provider_sandbox.doubles import TEMPLATE, VARIABLES, Doubles, order_text
from tests.integration.provider_sandbox.nhn_client import (
    ROOT,
    SECRET,
    SENDER_KEY,
    NhnClient,
    a_recipient,
    code,
    recipient_codes,
)

RESEND = {"isResend": True, "resendType": "LMS", "resendSendNo": "0215880000"}


@pytest.fixture
def nhn(doubles: Doubles) -> NhnClient:
    return NhnClient(doubles.http)


def seoul(minutes: int) -> str:
    moment = datetime.now(timezone(timedelta(hours=9))) + timedelta(minutes=minutes)
    return moment.strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("root", "headers", "expected"),
    [
        (ROOT, {}, -1001),
        (ROOT, {"X-Secret-Key": "wrong"}, -1001),
        (ROOT.replace("sandbox-nhn-appkey", "wrong"), SECRET, -1000),
    ],
)
def test_wrong_credentials_get_200_and_an_error_in_the_header(
    doubles: Doubles, root: str, headers: dict[str, str], expected: int
) -> None:
    for reply in (
        doubles.http.post(f"{root}/messages", json={}, headers=headers),
        doubles.http.get(f"{root}/messages", params={"requestId": "x"}, headers=headers),
    ):
        assert reply.status_code == 200
        assert (code(reply.json()), reply.json()["header"]["isSuccessful"]) == (expected, False)


def test_a_template_message_is_filled_and_found_by_request_and_key(doubles: Doubles, nhn: NhnClient) -> None:
    doubles.control(nhn={"resultDelayMs": 60_000})
    reply = nhn.send(a_recipient(key="event-1"), senderGroupingKey="batch-1")
    request_id = reply["message"]["requestId"]

    by_request = nhn.get("messages", requestId=request_id)["messageSearchResultResponse"]
    by_key = nhn.get(
        "messages", startRequestDate=seoul(-2), endRequestDate=seoul(2), recipientGroupingKey="event-1"
    )["messageSearchResultResponse"]

    assert (code(reply), recipient_codes(reply)) == (0, [0])
    assert reply["message"]["senderGroupingKey"] == "batch-1"
    assert reply["message"]["sendResults"][0]["recipientGroupingKey"] == "event-1"
    assert by_request == by_key
    assert by_request["totalCount"] == 1
    assert by_request["messages"][0]["content"] == order_text()
    assert [each["variables"] for each in doubles.messages(reference="event-1")] == [VARIABLES]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({name: value for name, value in VARIABLES.items() if name != "name"}, -3004),
        ({**VARIABLES, "coupon": "1"}, -3010),
    ],
)
def test_missing_and_extra_variables_have_codes(
    nhn: NhnClient, variables: dict[str, str], expected: int
) -> None:
    reply = nhn.send(a_recipient(templateParameter=variables))

    assert (code(reply), recipient_codes(reply)) == (-1031, [expected])


def test_unknown_and_unapproved_templates_are_refused(doubles: Doubles, nhn: NhnClient) -> None:
    assert code(nhn.send(templateCode="NO_SUCH")) == -3003

    doubles.unapprove()

    assert code(nhn.send()) == -3005
    assert doubles.messages() == []


def test_a_batch_succeeds_although_some_recipients_fail(doubles: Doubles, nhn: NhnClient) -> None:
    doubles.control(nhn={"refusedRecipients": {"01000000002": "-8008"}})
    recipients = [
        a_recipient("01000000001", "event-1"),
        a_recipient("01000000002", "event-2"),
        a_recipient("021234567", "event-3"),
        a_recipient("01000000004", "event-4", templateParameter={}),
    ]

    reply = nhn.send(*recipients)

    assert reply["header"]["isSuccessful"] is True
    assert recipient_codes(reply) == [0, -8008, -4019, -3004]
    assert [each["reference"] for each in doubles.messages()] == ["event-1"]


@pytest.mark.parametrize(
    "changes",
    [
        {"recipientList": []},
        {"recipientList": [a_recipient(str(number)) for number in range(1001)]},
        {"senderKey": 1},
        {"unknownField": "x"},
    ],
    ids=["no recipients", "too many recipients", "wrong type", "unknown field"],
)
def test_an_invalid_body_is_a_parameter_error(nhn: NhnClient, changes: dict[str, Any]) -> None:
    reply = nhn.post(**changes)

    # A body of more than 64 KiB doesn't get as far.
    assert (reply.status_code == 413) or (reply.status_code == 200 and code(reply.json()) == 4)


def test_the_same_key_within_10_minutes_fails(doubles: Doubles, nhn: NhnClient) -> None:
    first, second, other = nhn.send(key="key-1"), nhn.send(key="key-1"), nhn.send(key="key-2")

    assert [code(first), code(second), code(other)] == [0, -1005, 0]
    assert "message" not in second
    assert doubles.totals("nhn")["accepted"] == 2
    assert [each["idempotencyKey"] for each in doubles.requests("nhn")] == ["key-1", "key-1", "key-2"]


def test_a_key_is_free_again_after_10_minutes(doubles: Doubles, nhn: NhnClient) -> None:
    codes = []
    for minutes in (0, 9.9, 0.2):
        doubles.pass_time(minutes * 60)
        codes.append(code(nhn.send(key="key-1")))

    assert codes == [0, -1005, 0]


def test_a_refused_request_leaves_its_key_unless_set_otherwise(doubles: Doubles, nhn: NhnClient) -> None:
    refused, accepted = nhn.send(templateCode="NO_SUCH", key="key-1"), nhn.send(key="key-1")
    assert [code(refused), code(accepted)] == [-3003, 0]

    doubles.control(nhn={"refusalsKeepKey": True})
    refused, repeated = nhn.send(templateCode="NO_SUCH", key="key-2"), nhn.send(key="key-2")
    assert [code(refused), code(repeated)] == [-3003, -1005]


def test_a_result_is_known_only_after_its_delay(doubles: Doubles, nhn: NhnClient) -> None:
    doubles.control(nhn={"resultDelayMs": 60_000})
    request_id = nhn.request_id()
    before = nhn.message(request_id)

    doubles.pass_time(60)
    after = nhn.message(request_id)

    assert (before["messageStatus"], before["resultCode"], before["receiveDate"]) == (None, None, None)
    assert (after["messageStatus"], after["resultCode"]) == ("COMPLETED", "1000")
    assert doubles.totals("nhn")["delivered"] == 1


def test_an_unconfirmed_receipt_is_neither_delivered_nor_failed(doubles: Doubles, nhn: NhnClient) -> None:
    doubles.control(nhn={"resultDelayMs": 0, "resultCode": "3005"})

    message = nhn.message(nhn.request_id(a_recipient(resendParameter=RESEND)))

    assert (message["resultCode"], message["resendStatus"]) == ("3005", "RSC02")
    totals = doubles.totals("nhn")
    assert (totals["accepted"], totals["delivered"], totals["failed"]) == (1, 0, 0)


@pytest.mark.parametrize(("fails", "last", "delivered"), [(False, "RSC04", 1), (True, "RSC05", 0)])
def test_an_sms_replaces_a_message_that_kakao_cannot_deliver(
    doubles: Doubles, nhn: NhnClient, fails: bool, last: str, delivered: int
) -> None:
    timing = {"resultDelayMs": 60_000, "fallbackDelayMs": 60_000, "fallbackFails": fails}
    doubles.control(nhn={**timing, "recipientResults": {"01012345678": "3019"}})
    request_id = nhn.request_id(a_recipient(resendParameter=RESEND))
    seen = [nhn.message(request_id)["resendStatus"]]

    for _ in range(2):
        doubles.pass_time(60)
        seen.append(nhn.message(request_id)["resendStatus"])

    assert seen == ["RSC02", "RSC03", last]
    message = nhn.message(request_id)
    assert (message["messageStatus"], message["resultCode"]) == ("FAILED", "3019")
    assert (doubles.totals("nhn")["delivered"], doubles.totals("nhn")["failed"]) == (delivered, 1 - delivered)


def test_an_sms_from_an_unregistered_number_fails(doubles: Doubles, nhn: NhnClient) -> None:
    doubles.control(nhn={"resultDelayMs": 0, "fallbackDelayMs": 0, "resultCode": "3020"})

    request_id = nhn.request_id(a_recipient(resendParameter={**RESEND, "resendSendNo": "0299999999"}))

    assert nhn.message(request_id)["resendStatus"] == "RSC05"


def test_without_resending_a_failure_is_final(doubles: Doubles, nhn: NhnClient) -> None:
    doubles.control(nhn={"resultDelayMs": 0, "fallbackDelayMs": 0, "resultCode": "3020"})

    message = nhn.message(nhn.request_id())

    assert (message["resultCode"], message["resendStatus"]) == ("3020", "RSC01")
    assert doubles.totals("nhn")["failed"] == 1


def test_the_daily_volume_stops_the_whole_account(doubles: Doubles, nhn: NhnClient) -> None:
    doubles.control(nhn={"messagesLeft": 2})

    codes = [code(nhn.send(a_recipient(), a_recipient(), key="key-1")), code(nhn.send(key="key-2"))]

    assert codes == [0, -1017]
    assert doubles.totals("nhn")["accepted"] == 2

    doubles.control(nhn={})
    assert code(nhn.send(key="key-2")) == 0


def test_the_next_request_is_refused_with_the_code_asked_for(doubles: Doubles, nhn: NhnClient) -> None:
    doubles.control(nhn={"rejectNext": 1, "rejectCode": "-1027"})

    assert [code(nhn.send()), code(nhn.send())] == [-1027, 0]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"startRequestDate": "2026-01-01 00:00"},
        {"startRequestDate": "2026-01-01 00:00", "endRequestDate": "2026-03-01 00:00"},
        {"startRequestDate": "2026-01-02 00:00", "endRequestDate": "2026-01-01 00:00"},
        {"startRequestDate": "20260101", "endRequestDate": "20260102"},
        {"requestId": "x", "pageSize": "1001"},
    ],
)
def test_a_search_needs_a_request_or_a_period_of_30_days(nhn: NhnClient, query: dict[str, str]) -> None:
    assert code(nhn.get("messages", **query)) == 4


def test_a_search_comes_in_pages(nhn: NhnClient) -> None:
    request_id = nhn.request_id(*[a_recipient(f"0100000000{number}") for number in range(5)])

    pages = [
        nhn.get("messages", requestId=request_id, pageNum=number, pageSize=2)["messageSearchResultResponse"]
        for number in (1, 2, 3)
    ]

    assert [[each["recipientSeq"] for each in page["messages"]] for page in pages] == [[1, 2], [3, 4], [5]]
    assert {page["totalCount"] for page in pages} == {5}


def test_an_unknown_message_is_not_found(nhn: NhnClient) -> None:
    assert nhn.get("messages", requestId="x")["messageSearchResultResponse"]["messages"] == []


def test_templates_are_listed_with_their_status(doubles: Doubles, nhn: NhnClient) -> None:
    doubles.put_template("SHIPPED", "#{name}님, 출발했습니다.", "REVIEWING")

    found = nhn.get(f"senders/{SENDER_KEY}/templates")["templateListResponse"]["templates"]

    status = {each["templateCode"]: each["status"] for each in found}
    assert (status[TEMPLATE], status["SHIPPED"]) == ("TSC03", "TSC02")


def test_a_message_that_is_sent_twice_counts_as_doubled(doubles: Doubles, nhn: NhnClient) -> None:
    for key in ("event-1", "event-1", "event-2"):
        nhn.send(a_recipient(key=key))

    assert doubles.totals("nhn")["doubledReferences"] == 1
    assert len(doubles.messages(provider="nhn", reference="event-1")) == 2
