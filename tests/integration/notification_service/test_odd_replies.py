"""A provider that answers nonsense, and a bug in an adapter: neither takes the process with it."""

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
import structlog
from sqlalchemy import Engine

from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.application.accept_completed_orders import AcceptCompletedOrders
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.delivery import ClaimedDelivery, DeliveryStatus, Effect
from notification_service.monitoring.webhook import MonitoringWebhook
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.builders import an_order
from tests.integration.notification_service.delivering import QUICK, delivering, delivery_of, run_until_final
from tests.support.processes import Sandbox

FOUND = httpx.Response(200, json={"messages": [{"messageId": "m-1"}], "next": None})


def posts_answered(reply: httpx.Response) -> httpx.Client:
    """Any message is found; posting one is answered like this."""
    return httpx.Client(
        transport=httpx.MockTransport(lambda request: FOUND if request.method == "GET" else reply)
    )


def test_a_message_id_that_can_not_be_stored_is_asked_about(
    accept: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    order = an_order()
    accept([order])
    client = posts_answered(httpx.Response(200, json={"messageId": "a\x00b", "status": "ACCEPTED"}))
    courier = SendAlimtalk(SandboxAlimtalkProvider(client, "http://provider"))

    with delivering(engine, Effect.ALIMTALK, sandbox, courier=courier) as work:
        (delivery,) = run_until_final(work, engine, [order], Effect.ALIMTALK)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 2)
    assert "makes no sense" in str(delivery.last_error)


def test_a_refusal_with_nul_in_it_is_recorded(
    accept: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    order = an_order()
    accept([order])
    courier = SendAlimtalk(
        SandboxAlimtalkProvider(posts_answered(httpx.Response(400, content=b"no\x00!")), "http://provider")
    )

    with delivering(engine, Effect.ALIMTALK, sandbox, courier=courier) as work:
        (delivery,) = run_until_final(work, engine, [order], Effect.ALIMTALK)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.FAILED, 1)
    assert str(delivery.last_error).endswith("no\ufffd!")


def test_an_error_page_with_nul_in_it_delays_the_webhook(
    accept: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    order = an_order()
    accept([order])
    courier = MonitoringWebhook(posts_answered(httpx.Response(500, content=b"\x00")), "http://monitoring")

    with delivering(engine, Effect.MONITORING, sandbox, courier=courier) as work:
        work.run_once(StopSignal())

    delivery = delivery_of(engine, order, Effect.MONITORING)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.PENDING, 1)


class Crashing:
    """Delivers everything but one order, at which it trips as often as told."""

    def __init__(self, user_id: int, times: int) -> None:
        self._user_id = user_id
        self._left = times

    def deliver(self, delivery: ClaimedDelivery, may_send: Callable[[], bool]) -> str | None:
        if delivery.order.user_id == self._user_id and self._left:
            self._left -= 1
            raise KeyError("no such\x00thing \ud800")
        return None


def test_a_bug_that_one_delivery_meets_delays_that_one_and_is_told(
    accept: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    odd, *others = orders = [an_order(user_id=number) for number in range(1, 6)]
    accept(orders)
    stop = StopSignal()

    with (
        structlog.testing.capture_logs() as logs,
        delivering(engine, Effect.ALIMTALK, sandbox, courier=Crashing(odd.user_id, times=1)) as work,
    ):
        work.run_once(stop)
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
    accept: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox, effect: Effect
) -> None:
    order = an_order()
    accept([order])
    retry, courier = replace(QUICK, give_up_after_seconds=0.5), Crashing(order.user_id, times=1_000)

    with delivering(engine, effect, sandbox, courier=courier, retry=retry) as work:
        (delivery,) = run_until_final(work, engine, [order], effect)

    assert delivery.status == DeliveryStatus.FAILED
    assert delivery.attempts > 1
