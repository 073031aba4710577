"""Malformed replies, and a bug in an adapter: neither ends the process."""

from dataclasses import replace

import httpx
import pytest
import structlog
from sqlalchemy import Engine

from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.application.accept_completed_orders import AcceptCompletedOrders
from notification_service.application.ports import MaySend
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.delivery import ClaimedDelivery, DeliveryStatus, Effect
from notification_service.monitoring.webhook import MonitoringWebhook
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.builders import a_completed_order
from tests.integration.notification_service.effect_work import QUICK, delivering, delivery_of, run_until_final
from tests.support.sandbox import Sandbox

FOUND = httpx.Response(200, json={"messages": [{"messageId": "m-1"}], "next": None})


def posts_answered(reply: httpx.Response) -> httpx.Client:
    """A client that finds any message, and gets ``reply`` to every post."""
    return httpx.Client(
        transport=httpx.MockTransport(lambda request: FOUND if request.method == "GET" else reply)
    )


def test_a_message_id_that_can_not_be_stored_is_asked_about(
    accept_completed_orders: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    order = a_completed_order()
    accept_completed_orders([order])
    client = posts_answered(httpx.Response(200, json={"messageId": "a\x00b", "status": "ACCEPTED"}))
    courier = SendAlimtalk(SandboxAlimtalkProvider(client, "http://provider"))

    with delivering(engine, Effect.ALIMTALK, sandbox, courier=courier) as work:
        (delivery,) = run_until_final(work, engine, [order], Effect.ALIMTALK)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 2)
    assert "malformed" in str(delivery.last_error)


def test_a_rejection_with_nul_in_it_is_recorded(
    accept_completed_orders: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    order = a_completed_order()
    accept_completed_orders([order])
    courier = SendAlimtalk(
        SandboxAlimtalkProvider(posts_answered(httpx.Response(400, content=b"no\x00!")), "http://provider")
    )

    with delivering(engine, Effect.ALIMTALK, sandbox, courier=courier) as work:
        (delivery,) = run_until_final(work, engine, [order], Effect.ALIMTALK)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.FAILED, 1)
    assert str(delivery.last_error).endswith("no\ufffd!")


def test_an_error_page_with_nul_in_it_delays_the_webhook(
    accept_completed_orders: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    order = a_completed_order()
    accept_completed_orders([order])
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

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> str | None:
        if delivery.order.user_id == self._user_id and self._left:
            self._left -= 1
            raise KeyError("no such\x00thing \ud800")
        return None


def test_a_bug_that_one_delivery_meets_delays_that_one_and_is_logged(
    accept_completed_orders: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    odd, *others = orders = [a_completed_order(user_id=number) for number in range(1, 6)]
    accept_completed_orders(orders)
    stop = StopSignal()

    with (
        structlog.testing.capture_logs() as logs,
        delivering(engine, Effect.ALIMTALK, sandbox, courier=Crashing(odd.user_id, times=1)) as work,
    ):
        work(stop)
        first = delivery_of(engine, odd, Effect.ALIMTALK)
        found = run_until_final(work, engine, orders, Effect.ALIMTALK)

    assert (first.status, first.attempts) == (DeliveryStatus.PENDING, 1)
    assert "KeyError" in str(first.last_error)
    assert {delivery.status for delivery in found} == {DeliveryStatus.DELIVERED}
    assert [delivery.attempts for delivery in found] == [2, *[1 for _ in others]]
    errors = [line for line in logs if line["log_level"] == "error"]
    assert [(line["event"], line["event_id"]) for line in errors] == [
        ("delivery_attempt_crashed", str(odd.event_id))
    ]
    assert isinstance(errors[0]["exc_info"], KeyError)


@pytest.mark.parametrize("effect", [Effect.ALIMTALK, Effect.MONITORING])
def test_a_bug_that_every_attempt_meets_is_given_up_in_the_end(
    accept_completed_orders: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox, effect: Effect
) -> None:
    order = a_completed_order()
    accept_completed_orders([order])
    retry, courier = replace(QUICK, give_up_after_seconds=0.5), Crashing(order.user_id, times=1_000)

    with delivering(engine, effect, sandbox, courier=courier, retry=retry) as work:
        (delivery,) = run_until_final(work, engine, [order], effect)

    assert delivery.status == DeliveryStatus.FAILED
    assert delivery.attempts > 1
