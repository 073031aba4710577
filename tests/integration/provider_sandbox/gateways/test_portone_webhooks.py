"""PortOne's webhooks: signed, and no more than names."""

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.integration.provider_sandbox.gateways.portone_client import WEBHOOK_SECRET, PortoneClient
from tests.integration.provider_sandbox.webhook_receiver import Received, WebhookReceiver
from tests.support.gateway_sandbox import GatewaySandbox
from tests.support.waiting import wait_until


@pytest.fixture
def reports(gateways: GatewaySandbox, receiver: WebhookReceiver) -> WebhookReceiver:
    """A receiver of PortOne's webhooks."""
    gateways.control(portone={"webhookUrl": receiver.url})
    return receiver


def wait_for(receiver: WebhookReceiver, calls: int) -> list[Received]:
    wait_until(lambda: len(receiver.received) >= calls, f"{calls} calls")
    return list(receiver.received)


def verify(call: Received) -> None:
    Webhook(WEBHOOK_SECRET).verify(call.raw, call.headers)


def test_each_change_is_reported_with_a_signature(
    gateways: GatewaySandbox, portone: PortoneClient, reports: WebhookReceiver
) -> None:
    portone.confirm(gateways.buyer_pays("portone")).raise_for_status()
    portone.cancel(amount=1).raise_for_status()
    portone.cancel().raise_for_status()
    portone.confirm(gateways.buyer_pays("portone", "order-2", declineCode="NO"), "order-2")

    calls = wait_for(reports, 6)

    for call in calls:
        verify(call)
    names = ["Ready", "Paid", "PartialCancelled", "Cancelled", "Ready", "Failed"]
    assert [call.body["type"] for call in calls] == [f"Transaction.{name}" for name in names]
    paid, cancelled = calls[1].body["data"], calls[2].body["data"]
    assert paid.keys() == {"storeId", "paymentId", "transactionId"}
    assert cancelled["cancellationId"] == portone.payment()["cancellations"][0]["id"]
    assert paid["transactionId"] == portone.payment()["transactionId"]


def test_a_repetition_keeps_id_and_time_and_has_a_new_signature(
    gateways: GatewaySandbox, reports: WebhookReceiver
) -> None:
    reports.statuses = [500]
    gateways.buyer_pays("portone")
    wait_for(reports, 1)

    gateways.pass_time(60)
    first, second = wait_for(reports, 2)

    verify(second)
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_any_2xx_ends_the_repetitions(gateways: GatewaySandbox, reports: WebhookReceiver) -> None:
    reports.statuses = [204]
    gateways.buyer_pays("portone")

    wait_for(reports, 1)

    wait_until(lambda: gateways.totals()["webhooksPending"] == 0, "no more to be called")


@pytest.mark.parametrize("forged", [True, False])
def test_a_forged_webhook_has_a_wrong_signature(
    gateways: GatewaySandbox, portone: PortoneClient, reports: WebhookReceiver, forged: bool
) -> None:
    untrue = {"gateway": "portone", "orderId": "order-1", "status": "DONE", "forged": forged}
    gateways.http.post("/webhooks/untrue", json=untrue).raise_for_status()

    (call,) = wait_for(reports, 1)

    assert call.body["type"] == "Transaction.Paid"
    assert portone.get().status_code == 404
    if forged:
        with pytest.raises(WebhookVerificationError):
            verify(call)
    else:
        verify(call)


def test_the_older_version_has_other_names(
    gateways: GatewaySandbox, portone: PortoneClient, receiver: WebhookReceiver
) -> None:
    gateways.control(portone={"webhookUrl": receiver.url, "webhookVersion": "2024-01-01"})
    portone.confirm(gateways.buyer_pays("portone")).raise_for_status()

    paid = wait_for(receiver, 2)[1]

    verify(paid)
    tx_id = portone.payment()["transactionId"]
    assert paid.body == {"payment_id": "order-1", "tx_id": tx_id, "status": "Paid"}


@pytest.mark.parametrize(("gateway", "field"), [("toss", "eventType"), ("portone", "type")])
def test_a_type_may_be_one_that_no_shop_knows(
    gateways: GatewaySandbox, receiver: WebhookReceiver, gateway: str, field: str
) -> None:
    gateways.control(**{gateway: {"webhookUrl": receiver.url}})
    untrue = {"gateway": gateway, "orderId": "order-1", "eventType": "Next.Year", "forged": False}
    gateways.http.post("/webhooks/untrue", json=untrue).raise_for_status()

    (call,) = wait_for(receiver, 1)

    assert call.body[field] == "Next.Year"
