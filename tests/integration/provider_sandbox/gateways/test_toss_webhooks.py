"""Toss's webhooks: unsigned, repeated until 200; dropped, doubled, held, reversed, untrue."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.provider_sandbox.gateways.toss_client import TossClient
from tests.integration.provider_sandbox.webhook_receiver import WebhookReceiver
from tests.support.gateway_sandbox import GatewaySandbox, serving_gateways
from tests.support.waiting import wait_until

ID = "tosspayments-webhook-transmission-id"
RETRIES = "tosspayments-webhook-transmission-retried-count"


@pytest.fixture
def reports(gateways: GatewaySandbox, receiver: WebhookReceiver) -> WebhookReceiver:
    """A receiver of Toss's webhooks."""
    gateways.control(toss={"webhookUrl": receiver.url})
    return receiver


def wait_for(receiver: WebhookReceiver, calls: int) -> list[dict[str, Any]]:
    """The bodies of the calls, when there are that many."""
    wait_until(lambda: len(receiver.received) >= calls, f"{calls} calls")
    return [call.body for call in receiver.received]


def statuses(receiver: WebhookReceiver) -> list[str]:
    return [call.body["data"]["status"] for call in receiver.received]


def paid(gateways: GatewaySandbox, toss: TossClient, order_id: str = "order-1") -> str:
    key = gateways.buyer_pays(order_id=order_id)
    toss.confirm(key, order_id).raise_for_status()
    return key


def test_a_payment_is_reported_as_a_look_up_shows_it(
    gateways: GatewaySandbox, toss: TossClient, reports: WebhookReceiver
) -> None:
    key = paid(gateways, toss)

    (body,) = wait_for(reports, 1)

    assert body.keys() == {"eventType", "createdAt", "data"}
    assert (body["eventType"], body["data"]) == ("PAYMENT_STATUS_CHANGED", toss.get(key).json())
    assert "+" not in body["createdAt"]
    headers = reports.received[0].headers
    assert (headers[RETRIES], headers[ID][:8]) == ("0", "whtrans_")
    assert "tosspayments-webhook-signature" not in headers


def test_each_final_state_is_reported_and_no_other(
    gateways: GatewaySandbox, toss: TossClient, reports: WebhookReceiver
) -> None:
    key = paid(gateways, toss)
    toss.cancel(key, cancelAmount=1).raise_for_status()
    toss.cancel(paid(gateways, toss, "order-2")).raise_for_status()
    toss.confirm(gateways.buyer_pays(declineCode="FDS_ERROR"))
    gateways.buyer_pays(order_id="order-3", authenticated=False)

    gateways.pass_time(30 * 60)
    wait_for(reports, 6)
    # The last call has been received; its answer may be on the way.
    wait_until(lambda: gateways.totals()["webhooksPending"] == 0, "all reports to be over")

    expected = ["DONE", "PARTIAL_CANCELED", "DONE", "CANCELED", "ABORTED", "EXPIRED"]
    assert statuses(reports) == expected


def test_an_account_is_reported_twice_a_change(
    gateways: GatewaySandbox, toss: TossClient, reports: WebhookReceiver
) -> None:
    key = gateways.buyer_pays(method="VIRTUAL_ACCOUNT")
    secret = toss.confirm(key).raise_for_status().json()["secret"]
    gateways.http.post(f"/payments/{key}/deposit").raise_for_status()
    changed, deposit = wait_for(reports, 2)

    gateways.http.post(f"/payments/{key}/undo-deposit").raise_for_status()
    undone = wait_for(reports, 3)[2]

    assert (changed["data"]["status"], changed["data"]["secret"]) == ("DONE", secret)
    assert deposit.keys() == {"createdAt", "secret", "status", "transactionKey", "orderId"}
    assert (deposit["status"], deposit["secret"], deposit["orderId"]) == ("DONE", secret, "order-1")
    assert deposit["createdAt"].endswith("+09:00")
    assert (undone["status"], "eventType" in undone) == ("WAITING_FOR_DEPOSIT", False)


def test_it_is_repeated_until_200_on_the_gateways_schedule(
    gateways: GatewaySandbox, toss: TossClient, reports: WebhookReceiver
) -> None:
    reports.statuses = [204, 500, 302, 500, 500, 500, 500, 500]
    paid(gateways, toss)
    wait_for(reports, 1)

    for calls, minutes in enumerate((1, 4, 16, 64, 256, 1024, 4096), 2):
        gateways.pass_time(minutes * 60)
        wait_for(reports, calls)

    assert [call.headers[RETRIES] for call in reports.received] == [str(count) for count in range(8)]
    assert len({call.headers[ID] for call in reports.received}) == 1
    wait_until(lambda: gateways.totals()["webhooksPending"] == 0, "the webhook to be given up")


def test_it_is_not_repeated_too_early(
    gateways: GatewaySandbox, toss: TossClient, reports: WebhookReceiver
) -> None:
    reports.statuses = [500]
    paid(gateways, toss)
    wait_for(reports, 1)

    gateways.pass_time(55)
    paid(gateways, toss, "order-2")
    wait_for(reports, 2)

    assert [call.body["data"]["orderId"] for call in reports.received] == ["order-1", "order-2"]


def test_a_receiver_may_be_given_less_time(
    gateways: GatewaySandbox, toss: TossClient, receiver: WebhookReceiver
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        gateways.control(toss={"webhookUrl": url, "webhookTimeoutMs": 50})
        paid(gateways, toss, "order-1")
        gateways.control(toss={"webhookUrl": receiver.url, "webhookTimeoutMs": 50})
        began = time.monotonic()
        paid(gateways, toss, "order-2")
        wait_for(receiver, 1)

    assert time.monotonic() - began < 8


def test_a_dropped_webhook_never_comes(
    gateways: GatewaySandbox, toss: TossClient, receiver: WebhookReceiver
) -> None:
    gateways.control(toss={"webhookUrl": receiver.url, "dropWebhooksNext": 1})

    paid(gateways, toss, "order-1")
    paid(gateways, toss, "order-2")

    assert [body["data"]["orderId"] for body in wait_for(receiver, 1)] == ["order-2"]


def test_a_doubled_webhook_has_the_same_id(
    gateways: GatewaySandbox, toss: TossClient, receiver: WebhookReceiver
) -> None:
    gateways.control(toss={"webhookUrl": receiver.url, "duplicateWebhooksNext": 1})

    paid(gateways, toss)
    first, second = wait_for(receiver, 2)

    assert first == second
    assert len({call.headers[ID] for call in receiver.received}) == 1


def test_held_webhooks_come_in_reverse_order(
    gateways: GatewaySandbox, toss: TossClient, receiver: WebhookReceiver
) -> None:
    gateways.control(toss={"webhookUrl": receiver.url, "webhooksHeld": True})
    toss.cancel(paid(gateways, toss)).raise_for_status()
    assert gateways.totals()["webhooksPending"] == 2

    gateways.control(toss={"webhookUrl": receiver.url, "webhooksReversed": True})
    wait_for(receiver, 2)

    assert statuses(receiver) == ["CANCELED", "DONE"]


def test_a_delayed_webhook_waits_for_the_clock(
    gateways: GatewaySandbox, toss: TossClient, receiver: WebhookReceiver
) -> None:
    gateways.control(toss={"webhookUrl": receiver.url, "webhookDelayMs": 300_000})
    toss.cancel(paid(gateways, toss)).raise_for_status()
    assert (receiver.received, gateways.totals()["webhooksPending"]) == ([], 2)

    gateways.pass_time(301)
    wait_for(receiver, 2)

    assert statuses(receiver) == ["DONE", "CANCELED"]


@pytest.mark.parametrize(("forged", "secret_is_right"), [(True, False), (False, True)])
def test_an_untrue_webhook_contradicts_the_look_up(
    gateways: GatewaySandbox, toss: TossClient, reports: WebhookReceiver, forged: bool, secret_is_right: bool
) -> None:
    key = paid(gateways, toss)

    untrue = {"gateway": "toss", "orderId": "order-1", "status": "ABORTED", "forged": forged}
    gateways.http.post("/webhooks/untrue", json=untrue).raise_for_status()
    data = wait_for(reports, 2)[1]["data"]

    payment = toss.get(key).json()
    assert (data["status"], payment["status"]) == ("ABORTED", "DONE")
    assert (data["secret"] == payment["secret"]) is secret_is_right


def test_a_forged_webhook_may_be_of_an_unknown_order(
    gateways: GatewaySandbox, reports: WebhookReceiver
) -> None:
    gateways.http.post("/webhooks/untrue", json={"gateway": "toss", "orderId": "never"}).raise_for_status()

    (body,) = wait_for(reports, 1)

    assert (body["data"]["orderId"], body["data"]["status"]) == ("never", "DONE")
    assert gateways.payments() == []


def test_a_refused_confirmation_reports_nothing_else(
    gateways: GatewaySandbox, toss: TossClient, reports: WebhookReceiver
) -> None:
    key = gateways.buyer_pays()
    toss.confirm(key, amount=1)
    toss.confirm(key, test_code="FDS_ERROR")
    toss.confirm(key).raise_for_status()
    toss.confirm(key)
    paid(gateways, toss, "order-2")

    wait_for(reports, 2)

    assert statuses(reports) == ["DONE", "DONE"]


def test_a_restart_loses_neither_payments_nor_webhooks(tmp_path: Path, receiver: WebhookReceiver) -> None:
    path, url = tmp_path / "gateways.sqlite", receiver.url
    with serving_gateways(path, toss_webhook_url=url) as first:
        first.control(toss={"webhooksHeld": True})
        key = paid(first, TossClient(first.http))

    with serving_gateways(path) as second:
        wait_for(receiver, 1)
        assert TossClient(second.http).status(key) == "DONE"


@pytest.mark.parametrize("has_url", [True, False])
def test_an_untrue_webhook_that_would_not_be_sent_is_refused(
    gateways: GatewaySandbox, receiver: WebhookReceiver, has_url: bool
) -> None:
    if has_url:
        gateways.control(toss={"webhookUrl": receiver.url})
    untrue = {"gateway": "toss", "orderId": "order-1", "status": "IN_PROGRESS" if has_url else "DONE"}

    reply = gateways.http.post("/webhooks/untrue", json=untrue)

    assert (reply.status_code, reply.json()["type"]) == (409, "urn:problem:nothing-to-report")
