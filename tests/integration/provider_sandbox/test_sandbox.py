"""The sandbox as a process: what it keeps, what it rejects, and its faults on demand."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until

MESSAGES = "/alimtalk/v1/messages"
WEBHOOKS = "/webhooks/monitoring"


@pytest.fixture(scope="module")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    shared_sandbox.reset()
    return shared_sandbox


def a_message(reference: str = "event-1", **changes: Any) -> dict[str, Any]:
    return {
        "reference": reference,
        "templateCode": "ORDER_COMPLETED",
        "recipientNo": "01012345678",
        "variables": {"name": "김하늘"},
        "content": "[주문완료] 김하늘님, 주문이 완료되었습니다.",
        **changes,
    }


def test_a_message_is_accepted_and_found_by_its_reference(sandbox: Sandbox) -> None:
    accepted = sandbox.client.post(MESSAGES, json=a_message("event-1"))
    sandbox.client.post(MESSAGES, json=a_message("event-2"))

    found = sandbox.client.get(MESSAGES, params={"reference": "event-1"}).json()["messages"]

    assert accepted.status_code == 200
    assert accepted.json()["status"] == "ACCEPTED"
    assert [message["messageId"] for message in found] == [accepted.json()["messageId"]]
    assert found[0]["content"] == a_message()["content"]
    assert sandbox.client.get(MESSAGES, params={"reference": "event-3"}).json()["messages"] == []


def test_a_message_that_is_sent_twice_is_there_twice(sandbox: Sandbox) -> None:
    for _ in range(2):
        sandbox.client.post(MESSAGES, json=a_message())

    totals = sandbox.client.get("/records").json()

    assert (totals["messages"], totals["messageReferences"]) == (2, 1)


def test_of_a_batch_each_message_is_accepted_or_rejected_by_itself(sandbox: Sandbox) -> None:
    batch = [a_message("event-1"), a_message("event-2", recipientNo="0215880000"), a_message("event-3")]

    results = sandbox.client.post(f"{MESSAGES}/batch", json={"messages": batch}).json()["results"]

    assert [(each["reference"], each["status"]) for each in results] == [
        ("event-1", "ACCEPTED"),
        ("event-2", "REJECTED"),
        ("event-3", "ACCEPTED"),
    ]
    kept = {message["reference"]: message["messageId"] for message in sandbox.messages()}
    assert kept == {each["reference"]: each["messageId"] for each in results if each["messageId"]}


@pytest.mark.parametrize(("fault", "status"), [("failNext", 503), ("throttleNext", 429), ("rejectNext", 400)])
def test_a_batch_meets_a_fault_as_a_whole(sandbox: Sandbox, fault: str, status: int) -> None:
    sandbox.control(alimtalk={fault: 1})
    batch = {"messages": [a_message("event-1"), a_message("event-2")]}

    statuses = [sandbox.client.post(f"{MESSAGES}/batch", json=batch).status_code for _ in range(2)]

    assert statuses == [status, 200]
    assert sandbox.references() == ["event-1", "event-2"]


def test_events_are_identified_by_their_key(sandbox: Sandbox) -> None:
    for key in ("event-1", "event-2", "event-1", "event-1"):
        reply = sandbox.client.post(WEBHOOKS, json={"n": 1}, headers={"Idempotency-Key": key})
        assert reply.status_code == 204

    found = {webhook["idempotencyKey"]: webhook["repetitions"] for webhook in sandbox.webhooks()}

    assert found == {"event-1": 2, "event-2": 0}


def test_an_event_without_a_key_is_refused(sandbox: Sandbox) -> None:
    reply = sandbox.client.post(WEBHOOKS, json={})

    assert reply.status_code == 400
    assert reply.json()["errors"][0]["field"] == "Idempotency-Key"


def test_lists_come_in_pages(sandbox: Sandbox) -> None:
    references = [f"event-{number}" for number in range(7)]
    for reference in references:
        sandbox.client.post(MESSAGES, json=a_message(reference))

    pages, after = [], 0
    while after is not None:
        page = sandbox.client.get(MESSAGES, params={"after": after, "limit": 3}).json()
        pages.append([message["reference"] for message in page["messages"]])
        after = page["next"]

    assert pages == [references[:3], references[3:6], references[6:]]


def test_what_was_accepted_survives_a_kill(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as sandbox:
        sandbox.client.post(MESSAGES, json=a_message())
        sandbox.client.post(WEBHOOKS, json={}, headers={"Idempotency-Key": "event-1"})
        sandbox.process.kill()

    with Sandbox(tmp_path, name="restarted") as restarted:
        assert restarted.references() == ["event-1"]
        assert len(restarted.webhooks()) == 1


def test_records_can_be_deleted(sandbox: Sandbox) -> None:
    sandbox.client.post(MESSAGES, json=a_message())

    assert sandbox.client.delete("/records").status_code == 204
    assert sandbox.references() == []


@pytest.mark.parametrize(("fault", "status"), [("failNext", 503), ("throttleNext", 429), ("rejectNext", 400)])
def test_it_fails_as_often_as_it_was_asked_to(sandbox: Sandbox, fault: str, status: int) -> None:
    sandbox.control(alimtalk={fault: 2})

    statuses = [sandbox.client.post(MESSAGES, json=a_message()).status_code for _ in range(3)]

    assert statuses == [status, status, 200]
    assert len(sandbox.messages()) == 1
    assert sandbox.client.get("/controls").json()["alimtalk"][fault] == 0


def test_it_accepts_and_replies_too_late(sandbox: Sandbox) -> None:
    sandbox.control(alimtalk={"timeoutAfterAcceptNext": 1, "timeoutMs": 1_500})

    with pytest.raises(httpx.ReadTimeout):
        sandbox.client.post(MESSAGES, json=a_message(), timeout=0.2)

    assert sandbox.references() == ["event-1"]


def test_faults_of_one_receiver_leave_the_other_alone(sandbox: Sandbox) -> None:
    sandbox.control(alimtalk={"failNext": 10, "latencyMs": 5_000})
    began = time.monotonic()

    reply = sandbox.client.post(WEBHOOKS, json={}, headers={"Idempotency-Key": "event-1"})

    assert reply.status_code == 204
    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"recipientNo": "021234567"}, 400, "recipientNo"),
        ({"recipientNo": "010-1234-5678"}, 400, "recipientNo"),
        ({"recipientNo": 1012345678}, 422, "recipientNo"),
        ({"reference": ""}, 422, "reference"),
        ({"reference": "a\x00b"}, 422, "reference"),
        ({"content": "x" * 1001}, 422, "content"),
        ({"variables": {"name": 1}}, 422, "variables.name"),
        ({"unknown": 1}, 422, "unknown"),
    ],
)
def test_an_invalid_message_is_refused_by_field(
    sandbox: Sandbox, changes: dict[str, Any], status: int, field: str
) -> None:
    reply = sandbox.client.post(MESSAGES, json=a_message(**changes))

    assert reply.status_code == status
    assert [error["field"] for error in reply.json()["errors"]] == [field]
    assert sandbox.messages() == []


@pytest.mark.parametrize(
    "body",
    [
        {"alimtalk": {"failNext": -1}},
        {"alimtalk": {"failNext": True}},
        {"alimtalk": {"latencyMs": 10**9}},
        {"alimtalk": {"explode": 1}},
        {"sms": {}},
    ],
)
def test_invalid_faults_are_refused(sandbox: Sandbox, body: dict[str, Any]) -> None:
    reply = sandbox.client.put("/controls", json=body)

    assert reply.status_code == 422
    assert reply.json()["errors"]


def test_many_senders_at_once_are_served(sandbox: Sandbox) -> None:
    def send(number: int) -> httpx.Response:
        return sandbox.client.post(MESSAGES, json=a_message(f"event-{number}"))

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(send, range(300)))

    assert {reply.status_code for reply in replies} == {200}
    assert len(set(sandbox.references())) == 300


def test_a_stop_ends_waits_and_exits_with_0(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as sandbox, ThreadPoolExecutor(1) as pool:
        sandbox.control(alimtalk={"timeoutAfterAcceptNext": 1})
        waiting = pool.submit(lambda: sandbox.client.post(MESSAGES, json=a_message()))
        wait_until(sandbox.references, "the message to be accepted")

        assert sandbox.process.terminate(10.0) == 0
        waiting.exception(timeout=10)
