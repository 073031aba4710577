"""Malformed replies, and a bug in an adapter: neither ends the process."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
import structlog
from sqlalchemy import Engine

from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.ports import MaySend
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.attempt import Receipt
from notification_service.domain.delivery import ClaimedDelivery, DeliveryStatus, Effect
from notification_service.domain.failure_reason import FailureReason
from notification_service.monitoring.webhook import MonitoringWebhook
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import QUICK, delivering, delivery_of, run_until_final
from tests.support.notification_builders import WRITE_ALIMTALK, a_completed_order
from tests.support.sandbox import Sandbox

FOUND = httpx.Response(200, json={"messages": [{"messageId": "m-1"}], "next": None})


def posts_answered(reply: httpx.Response) -> httpx.Client:
    """A client that finds any message, and gets ``reply`` to every post."""
    return httpx.Client(
        transport=httpx.MockTransport(lambda request: FOUND if request.method == "GET" else reply)
    )


def test_a_message_id_that_can_not_be_stored_is_asked_about(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    order = a_completed_order(completed_at=datetime.now(UTC))
    accept_order_events([order])
    client = posts_answered(httpx.Response(200, json={"messageId": "a\x00b", "status": "ACCEPTED"}))
    courier = SendAlimtalk(SandboxAlimtalkProvider(client, "http://provider"), 0.0, WRITE_ALIMTALK)

    with delivering(engine, Effect.ALIMTALK, sandbox, courier=courier) as work:
        (delivery,) = run_until_final(work, engine, [order], Effect.ALIMTALK)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 2)
    assert delivery.last_error == FailureReason.MALFORMED_REPLY


def test_what_a_provider_replies_is_in_the_log_without_the_recipient(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    echo = {"error": "no\x00such person", "name": "김하늘", "numbers": ["01012345678", "+82 10-1234-5678"]}
    replies = [
        httpx.Response(400, content=json.dumps(echo, ensure_ascii=escaped)) for escaped in (True, False)
    ]
    providers = [SandboxAlimtalkProvider(posts_answered(reply), "http://provider") for reply in replies]

    with structlog.testing.capture_logs() as logs:
        for provider in providers:
            order = a_completed_order(name="김하늘", phone="010-1234-5678", completed_at=datetime.now(UTC))
            accept_order_events([order])
            courier = SendAlimtalk(provider, 0.0, WRITE_ALIMTALK)
            with delivering(engine, Effect.ALIMTALK, sandbox, courier=courier) as work:
                (delivery,) = run_until_final(work, engine, [order], Effect.ALIMTALK)
            assert (delivery.status, delivery.last_error) == (DeliveryStatus.FAILED, FailureReason.REJECTED)

    details = [line["detail"] for line in logs if line["event"] == "delivery_given_up"]
    assert len(details) == 2
    assert all("such person" in detail for detail in details)
    for written in ("김하늘", json.dumps("김하늘")[1:-1], "12345678", "1234-5678"):
        assert written not in str(details)


def test_an_error_page_with_nul_in_it_delays_the_webhook(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    courier = MonitoringWebhook(posts_answered(httpx.Response(500, content=b"\x00")), "http://monitoring")

    with delivering(engine, Effect.MONITORING, sandbox, courier=courier) as work:
        work(StopSignal())

    delivery = delivery_of(engine, order, Effect.MONITORING)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.PENDING, 1)


class Crashing:
    """Delivers every order but one, which crashes it ``times`` times."""

    def __init__(self, user_id: int, times: int) -> None:
        self._user_id = user_id
        self._left = times

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        if delivery.order.user_id == self._user_id and self._left:
            self._left -= 1
            raise KeyError(f"no such\x00thing \ud800 of {delivery.order.recipient.name}")
        return Receipt()


def test_a_bug_that_one_delivery_meets_delays_that_one_and_is_logged(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    odd, *others = orders = [a_completed_order(user_id=number) for number in range(1, 6)]
    accept_order_events(orders)
    stop = StopSignal()

    with (
        structlog.testing.capture_logs() as logs,
        delivering(engine, Effect.ALIMTALK, sandbox, courier=Crashing(odd.user_id, times=1)) as work,
    ):
        work(stop)
        first = delivery_of(engine, odd, Effect.ALIMTALK)
        found = run_until_final(work, engine, orders, Effect.ALIMTALK)

    assert (first.status, first.attempts) == (DeliveryStatus.UNKNOWN, 1)
    assert first.last_error == FailureReason.INTERNAL_ERROR
    assert {delivery.status for delivery in found} == {DeliveryStatus.DELIVERED}
    assert [delivery.attempts for delivery in found] == [2, *[1 for _ in others]]
    errors = [line for line in logs if line["log_level"] == "error"]
    assert [(line["event"], line["event_id"]) for line in errors] == [
        ("delivery_attempt_crashed", str(odd.event_id))
    ]
    assert "KeyError" in errors[0]["exception"]
    assert odd.recipient.name not in errors[0]["exception"]


@pytest.mark.parametrize("effect", [Effect.ALIMTALK, Effect.MONITORING])
def test_a_bug_that_every_attempt_meets_is_given_up_in_the_end(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox, effect: Effect
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    retry, courier = replace(QUICK, give_up_after_seconds=0.5), Crashing(order.user_id, times=1_000)

    with delivering(engine, effect, sandbox, courier=courier, retry=retry) as work:
        (delivery,) = run_until_final(work, engine, [order], effect)

    assert delivery.status == DeliveryStatus.GIVEN_UP
    assert delivery.attempts > 1
