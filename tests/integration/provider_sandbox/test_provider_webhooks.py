"""Reports of results: signed, dropped, doubled, reversed, repeated until 200, and not lost by a restart."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.provider_sandbox.doubles import Doubles
from tests.integration.provider_sandbox.nhn_client import NhnClient, a_recipient
from tests.integration.provider_sandbox.solapi_client import SolapiClient, a_message
from tests.integration.provider_sandbox.webhook_receiver import WebhookReceiver
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until

SIGNATURE = "sandbox-nhn-webhook-signature"


@pytest.fixture
def nhn(doubles: Doubles) -> NhnClient:
    return NhnClient(doubles.http)


@pytest.fixture
def solapi(doubles: Doubles) -> SolapiClient:
    return SolapiClient(doubles.http)


def wait_for(receiver: WebhookReceiver, calls: int) -> None:
    wait_until(lambda: len(receiver.received) >= calls, f"{calls} calls")


def keys(receiver: WebhookReceiver) -> list[str]:
    """The recipients' keys, in the order of the calls from NHN."""
    return [call.body["hooks"][0]["recipientGroupingKey"] for call in receiver.received]


def test_nhn_reports_a_result_with_its_signature(
    doubles: Doubles, nhn: NhnClient, receiver: WebhookReceiver
) -> None:
    doubles.control(nhn={"webhookUrl": receiver.url, "resultDelayMs": 60_000, "resultCode": "3019"})

    request_id = nhn.request_id(a_recipient(key="event-1"))
    assert receiver.received == []
    doubles.pass_time(60)
    wait_for(receiver, 1)

    (call,) = receiver.received
    assert call.headers["x-toast-webhook-signature"] == SIGNATURE
    assert (call.body["event"], call.body["appKey"]) == ("MESSAGE_RESULT_UPDATE", "sandbox-nhn-appkey")
    (hook,) = call.body["hooks"]
    expected = {
        "requestId": request_id,
        "recipientSeq": 1,
        "resultCode": "3019",
        "recipientNo": "01012345678",
    }
    assert expected.items() <= hook.items()


def test_solapi_reports_a_result_with_its_token(
    doubles: Doubles, solapi: SolapiClient, receiver: WebhookReceiver
) -> None:
    doubles.control(solapi={"webhookUrl": receiver.url, "resultDelayMs": 0})

    solapi.send(a_message(reference="event-1"))
    wait_for(receiver, 1)

    (call,) = receiver.received
    (event,) = call.body
    assert call.query == {"token": ["sandbox-solapi-webhook-token"]}
    assert (event["data"]["statusCode"], event["retryCount"]) == ("4000", 0)
    assert event["data"]["customFields"] == {"reference": "event-1"}


def test_solapi_keeps_a_token_that_the_address_has(
    doubles: Doubles, solapi: SolapiClient, receiver: WebhookReceiver
) -> None:
    doubles.control(solapi={"webhookUrl": f"{receiver.url}?token=own", "resultDelayMs": 0})

    solapi.send()
    wait_for(receiver, 1)

    assert receiver.received[0].query == {"token": ["own"]}


def test_an_sms_in_place_of_a_message_is_reported_too(
    doubles: Doubles, solapi: SolapiClient, receiver: WebhookReceiver
) -> None:
    faults = {"resultDelayMs": 0, "fallbackDelayMs": 1, "resultCode": "3104"}
    doubles.control(solapi={"webhookUrl": receiver.url, **faults})

    solapi.send()
    wait_for(receiver, 2)

    data = [call.body[0]["data"] for call in receiver.received]
    assert [(each["type"], each["statusCode"]) for each in data] == [("ATA", "3104"), ("LMS", "4000")]


def test_a_dropped_report_never_comes(doubles: Doubles, nhn: NhnClient, receiver: WebhookReceiver) -> None:
    doubles.control(nhn={"webhookUrl": receiver.url, "resultDelayMs": 0, "dropWebhooksNext": 1})

    nhn.send(a_recipient(key="event-1"), a_recipient(key="event-2"))
    wait_for(receiver, 1)

    assert keys(receiver) == ["event-2"]
    assert doubles.faults("nhn")["dropWebhooksNext"] == 0


def test_a_doubled_report_has_the_same_id(
    doubles: Doubles, solapi: SolapiClient, receiver: WebhookReceiver
) -> None:
    doubles.control(solapi={"webhookUrl": receiver.url, "resultDelayMs": 0, "duplicateWebhooksNext": 1})

    solapi.send()
    wait_for(receiver, 2)

    first, second = (call.body[0]["eventDataId"] for call in receiver.received)
    assert first == second


def test_held_reports_come_in_reverse_order(
    doubles: Doubles, nhn: NhnClient, receiver: WebhookReceiver
) -> None:
    faults: dict[str, Any] = {"webhookUrl": receiver.url, "resultDelayMs": 0}
    doubles.control(nhn={**faults, "webhooksHeld": True})
    for number in range(3):
        nhn.send(a_recipient(key=f"event-{number}"))
    assert receiver.received == []

    doubles.control(nhn={**faults, "webhooksReversed": True})
    wait_for(receiver, 3)

    assert keys(receiver) == ["event-2", "event-1", "event-0"]


@pytest.mark.parametrize(("statuses", "calls"), [([500, 204], 3), ([500] * 9, 5)])
def test_a_report_is_repeated_until_200_five_times_at_most(
    doubles: Doubles, solapi: SolapiClient, receiver: WebhookReceiver, statuses: list[int], calls: int
) -> None:
    receiver.statuses = list(statuses)
    doubles.control(solapi={"webhookUrl": receiver.url, "resultDelayMs": 0, "webhookRetryDelayMs": 50})

    solapi.send(a_message(reference="event-1"))
    wait_for(receiver, calls)
    # Nothing follows the last call: the next message's report is the next one.
    receiver.statuses = []
    solapi.send(a_message(reference="event-2"))
    wait_for(receiver, calls + 1)

    events = [call.body[0] for call in receiver.received]
    assert [each["retryCount"] for each in events] == [*range(calls), 0]
    assert len({each["eventDataId"] for each in events[:-1]}) == 1
    assert events[-1]["data"]["customFields"] == {"reference": "event-2"}


def test_a_second_send_leaves_the_first_report_as_it_was(
    doubles: Doubles, solapi: SolapiClient, receiver: WebhookReceiver
) -> None:
    faults = {"webhookUrl": receiver.url, "secondSend": "sends-again", "resultDelayMs": 60_000}
    doubles.control(solapi={**faults, "resultCode": "3104"})
    group_id = solapi.a_group(a_message(options={"disableSms": True}))
    solapi.send_group(group_id).raise_for_status()
    doubles.control(solapi=faults)
    doubles.pass_time(30)
    solapi.send_group(group_id).raise_for_status()

    doubles.pass_time(60)
    wait_for(receiver, 2)

    assert [call.body[0]["data"]["statusCode"] for call in receiver.received] == ["3104", "4000"]


def test_without_an_address_nothing_is_reported(
    doubles: Doubles, nhn: NhnClient, receiver: WebhookReceiver
) -> None:
    doubles.control(nhn={"resultDelayMs": 0})
    nhn.send(a_recipient(key="event-1"))
    doubles.control(nhn={"resultDelayMs": 0, "webhookUrl": receiver.url})
    nhn.send(a_recipient(key="event-2"))

    wait_for(receiver, 1)

    assert keys(receiver) == ["event-2"]


def test_a_restart_loses_neither_reports_nor_messages(tmp_path: Path, receiver: WebhookReceiver) -> None:
    with Sandbox(tmp_path) as sandbox:
        doubles = Doubles(sandbox.url, sandbox.client)
        doubles.control(nhn={"webhookUrl": receiver.url, "webhooksHeld": True, "resultDelayMs": 0})
        doubles.put_template("SHIPPED", "출발했습니다.")
        NhnClient(doubles.http).send(key="key-1")
        sandbox.process.kill()

    with Sandbox(tmp_path, name="restarted") as restarted:
        doubles = Doubles(restarted.url, restarted.client)
        wait_for(receiver, 1)
        assert keys(receiver) == ["event-1"]
        assert [each["reference"] for each in doubles.messages()] == ["event-1"]
        assert len(doubles.requests("nhn")) == 1
        repeated = NhnClient(doubles.http).send(key="key-1")
        assert repeated["header"]["resultCode"] == -1005
        codes = [each["code"] for each in doubles.http.get("/templates").json()["templates"]]
        assert "SHIPPED" in codes


def test_a_stop_ends_the_reports_and_exits_with_0(tmp_path: Path, receiver: WebhookReceiver) -> None:
    with Sandbox(tmp_path) as sandbox:
        doubles = Doubles(sandbox.url, sandbox.client)
        receiver.statuses = [500] * 100
        doubles.control(
            nhn={
                "webhookUrl": receiver.url,
                "resultDelayMs": 0,
                "webhookRetryDelayMs": 60_000,
                "timeoutMs": 60_000,
            }
        )
        NhnClient(doubles.http).send()
        wait_for(receiver, 1)

        assert sandbox.process.terminate(8.0) == 0
