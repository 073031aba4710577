"""Each event reaches monitoring; repetitions have the same key."""

from dataclasses import replace

from sqlalchemy import Engine

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.domain.delivery import DeliveryStatus, Effect
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import QUICK, delivering, run_until_final
from tests.support.notification_builders import a_completed_order
from tests.support.sandbox import Sandbox

MONITORING = Effect.MONITORING


def test_monitoring_receives_the_order_without_its_recipient(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    order = a_completed_order(name="김하늘", phone="010-1234-5678")
    accept_order_events([order])

    with delivering(engine, MONITORING, sandbox) as work:
        (delivery,) = run_until_final(work, engine, [order], MONITORING)

    assert delivery.status == DeliveryStatus.DELIVERED
    (webhook,) = sandbox.webhooks()
    assert webhook["idempotencyKey"] == str(order.event_id)
    assert webhook["body"]["orderId"] == str(order.order_id)
    assert webhook["body"]["totalAmount"] == order.total_amount
    assert "김하늘" not in str(webhook)


def test_a_post_whose_reply_was_lost_is_repeated_with_the_same_key(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    sandbox.control(monitoring={"timeoutAfterAcceptNext": 1, "timeoutMs": 2_000})
    order = a_completed_order()
    accept_order_events([order])

    with delivering(engine, MONITORING, sandbox, timeout_seconds=0.3) as work:
        (delivery,) = run_until_final(work, engine, [order], MONITORING)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 2)
    (webhook,) = sandbox.webhooks()
    assert (webhook["idempotencyKey"], webhook["repetitions"]) == (str(order.event_id), 1)


def test_a_receiver_that_accepts_nothing_gets_no_flood_of_what_is_given_up(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    sandbox.control(monitoring={"failNext": 100})
    accept_order_events([a_completed_order() for _ in range(20)])
    exhausted = replace(QUICK, give_up_after_seconds=0.0, least_attempts=1)

    with delivering(engine, MONITORING, sandbox, retry=exhausted) as work:
        done = work(StopSignal())

    assert done.deliveries < 20
    assert done.pause_seconds > 0


def test_any_other_answer_than_success_is_tried_again(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    sandbox.control(monitoring={"rejectNext": 1, "failNext": 1})
    order = a_completed_order()
    accept_order_events([order])

    with delivering(engine, MONITORING, sandbox) as work:
        (delivery,) = run_until_final(work, engine, [order], MONITORING)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 3)
    assert len(sandbox.webhooks()) == 1
