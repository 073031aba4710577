"""Faults on demand, before and after the money is taken."""

import time
from typing import Any

import httpx
import pytest

from tests.integration.provider_sandbox.gateways.toss_client import TossClient, refusal
from tests.support.gateway_sandbox import GatewaySandbox
from tests.support.waiting import wait_until

moments = pytest.mark.parametrize(("moment", "status"), [("before", "IN_PROGRESS"), ("after", "DONE")])


def at_confirm(kind: str, moment: str, **more: Any) -> dict[str, Any]:
    return {"call": "confirm", "kind": kind, "moment": moment, **more}


def impatient(gateways: GatewaySandbox) -> httpx.Client:
    timeout = httpx.Timeout(20.0, read=0.3)
    return httpx.Client(base_url=gateways.url, timeout=timeout, trust_env=False)


@moments
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (None, (500, "FAILED_INTERNAL_SYSTEM_PROCESSING")),
        ("PROVIDER_ERROR", (400, "PROVIDER_ERROR")),
        ("NEVER_SEEN_BEFORE", (400, "NEVER_SEEN_BEFORE")),
    ],
)
def test_an_error_says_nothing_of_what_was_done(
    gateways: GatewaySandbox,
    toss: TossClient,
    moment: str,
    status: str,
    code: str | None,
    expected: tuple[int, str],
) -> None:
    key = gateways.buyer_pays()
    gateways.fault("toss", at_confirm("error", moment, code=code))

    assert refusal(toss.confirm(key)) == expected
    assert toss.status(key) == status


@moments
def test_a_connection_is_cut_without_an_answer(
    gateways: GatewaySandbox, toss: TossClient, moment: str, status: str
) -> None:
    key = gateways.buyer_pays()
    gateways.fault("toss", at_confirm("cut", moment))

    with pytest.raises(httpx.RemoteProtocolError):
        toss.confirm(key, key="key-1")

    assert toss.status(key) == status
    request = gateways.requests("toss")[0]
    assert (request["status"], request["fault"]) == (None, f"cut {moment}")
    # The key gets what its first use would have got.
    assert toss.confirm(key, key="key-1").json()["status"] == "DONE"


@moments
@pytest.mark.parametrize(
    ("kind", "answer", "content"),
    [
        ("bad-gateway", 502, b"<html>"),
        ("blocked", 403, b"<html>"),
        ("no-route", 404, b"<html>"),
        ("throttled", 429, b"Too Many"),
        ("empty", 200, b""),
        ("garbage", 200, b'{"paymentKey": \xff'),
    ],
)
def test_an_answer_that_is_not_the_gateways(
    gateways: GatewaySandbox,
    toss: TossClient,
    moment: str,
    status: str,
    kind: str,
    answer: int,
    content: bytes,
) -> None:
    key = gateways.buyer_pays()
    gateways.fault("toss", at_confirm(kind, moment))

    reply = toss.confirm(key)

    assert (reply.status_code, reply.content[: len(content)]) == (answer, content)
    assert toss.status(key) == status


def test_a_huge_answer_has_16_megabytes(gateways: GatewaySandbox, toss: TossClient) -> None:
    gateways.fault("toss", {"call": "look-up", "kind": "huge"})

    assert len(toss.get("any").content) > 16_000_000


@moments
def test_a_stalled_answer_begins_and_never_ends(
    gateways: GatewaySandbox, toss: TossClient, moment: str, status: str
) -> None:
    key = gateways.buyer_pays()
    gateways.fault("toss", at_confirm("stall", moment))

    with impatient(gateways) as http, pytest.raises(httpx.ReadTimeout):
        TossClient(http).confirm(key)

    wait_until(lambda: toss.status(key) == status, f"{status}")


@moments
def test_a_client_leaves_and_the_money_is_taken_all_the_same(
    gateways: GatewaySandbox, toss: TossClient, moment: str, status: str
) -> None:
    key = gateways.buyer_pays()
    gateways.fault("toss", at_confirm("time-out", moment))

    with impatient(gateways) as http, pytest.raises(httpx.ReadTimeout):
        TossClient(http).confirm(key, key="key-1")

    wait_until(lambda: toss.status(key) == status, f"{status}")
    gateways.control(toss={})
    wait_until(lambda: toss.status(key) == "DONE", "the money to be taken")


def test_a_decline_on_demand_aborts_the_payment(gateways: GatewaySandbox, toss: TossClient) -> None:
    key = gateways.buyer_pays()
    gateways.fault("toss", at_confirm("decline", "before", code="INVALID_STOPPED_CARD"))

    assert refusal(toss.confirm(key)) == (400, "INVALID_STOPPED_CARD")
    assert toss.status(key) == "ABORTED"


def test_a_cancellation_fails_after_it_was_carried_out(gateways: GatewaySandbox, toss: TossClient) -> None:
    key = gateways.buyer_pays()
    toss.confirm(key).raise_for_status()
    gateways.fault("toss", {"call": "cancel", "kind": "error", "moment": "after", "code": "COMMON_ERROR"})

    assert refusal(toss.cancel(key)) == (500, "COMMON_ERROR")
    assert toss.status(key) == "CANCELED"


def test_faults_are_used_up_in_their_order(gateways: GatewaySandbox, toss: TossClient) -> None:
    gateways.fault(
        "toss",
        {"call": "look-up", "kind": "error", "times": 2},
        {"call": "any", "kind": "throttled"},
        {"call": "confirm", "kind": "bad-gateway"},
    )

    statuses = [toss.get("any").status_code for _ in range(4)]

    assert statuses == [500, 500, 429, 404]
    assert toss.confirm("any").status_code == 502
    assert gateways.faults_left("toss") == 0


def test_a_fault_meets_each_nth_call(gateways: GatewaySandbox, toss: TossClient) -> None:
    gateways.fault("toss", {"kind": "error", "every": 3, "times": 2})

    assert [toss.get("any").status_code for _ in range(9)] == [404, 404, 500, 404, 404, 500, 404, 404, 404]


def test_a_look_up_lags_behind_the_approval(gateways: GatewaySandbox, toss: TossClient) -> None:
    gateways.control(toss={"lookUpLagMs": 5_000})
    key = gateways.buyer_pays()
    assert refusal(toss.get(key)) == (404, "NOT_FOUND_PAYMENT")
    gateways.pass_time(6)
    toss.confirm(key).raise_for_status()

    assert (toss.status(key), gateways.payment()["status"]) == ("IN_PROGRESS", "DONE")
    gateways.pass_time(6)
    assert toss.status(key) == toss.get("orders/order-1").json()["status"] == "DONE"


def test_look_ups_may_hide_what_is_not_confirmed(gateways: GatewaySandbox, toss: TossClient) -> None:
    gateways.control(toss={"unapprovedLookUp": "not-found"})
    key = gateways.buyer_pays()

    assert refusal(toss.get(key)) == (404, "NOT_FOUND_PAYMENT")
    toss.confirm(key).raise_for_status()
    assert toss.status(key) == "DONE"


def test_latency_delays_each_answer(gateways: GatewaySandbox, toss: TossClient) -> None:
    gateways.control(toss={"latencyMs": 300})
    began = time.monotonic()

    toss.get("any")

    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize(
    "body",
    [
        {"toss": {"faults": [{"kind": "unknown"}]}},
        {"toss": {"faults": [{"kind": "cut", "times": -1}]}},
        {"toss": {"faults": [{"kind": "cut", "every": 0}]}},
        {"toss": {"faults": [{"kind": "error", "code": "lower case"}]}},
        {"toss": {"webhookUrl": "ftp://host"}},
        {"kakao": {}},
        {"clock": {"aheadMs": -1}},
    ],
)
def test_invalid_controls_are_refused(gateways: GatewaySandbox, body: dict[str, Any]) -> None:
    reply = gateways.http.put("/controls", json=body)

    assert reply.status_code == 422
    assert reply.json()["errors"]


def test_each_request_is_recorded(gateways: GatewaySandbox, toss: TossClient) -> None:
    key = gateways.buyer_pays()
    toss.confirm(key, key="key-1")
    toss.get(key)

    confirm, look_up = gateways.requests("toss")

    assert (confirm["method"], confirm["idempotencyKey"], confirm["status"]) == ("POST", "key-1", 200)
    assert key in confirm["body"]
    assert look_up["target"].endswith(f"/toss/v1/payments/{key}")
    assert gateways.payments(orderId="other") == []
