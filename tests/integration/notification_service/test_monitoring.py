"""Each event reaches monitoring; repetitions carry the same key."""

from sqlalchemy import Engine

from notification_service.application.accept_completed_orders import AcceptCompletedOrders
from notification_service.domain.delivery import DeliveryStatus, Effect
from tests.integration.notification_service.builders import an_order
from tests.integration.notification_service.delivering import delivering, run_until_final
from tests.support.processes import Sandbox

MONITORING = Effect.MONITORING


def test_monitoring_learns_of_an_order_but_not_whose_it_is(
    accept: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    order = an_order(name="김하늘", phone="010-1234-5678")
    accept([order])

    with delivering(engine, MONITORING, sandbox) as work:
        (delivery,) = run_until_final(work, engine, [order], MONITORING)

    assert delivery.status == DeliveryStatus.DELIVERED
    (webhook,) = sandbox.webhooks()
    assert webhook["idempotencyKey"] == str(order.event_id)
    assert webhook["body"]["orderId"] == str(order.order_id)
    assert webhook["body"]["totalAmount"] == order.total_amount
    assert "김하늘" not in str(webhook)


def test_a_post_whose_reply_was_lost_is_repeated_with_the_same_key(
    accept: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    sandbox.control(monitoring={"timeoutAfterAcceptNext": 1, "timeoutMs": 2_000})
    order = an_order()
    accept([order])

    with delivering(engine, MONITORING, sandbox, timeout_seconds=0.3) as work:
        (delivery,) = run_until_final(work, engine, [order], MONITORING)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 2)
    (webhook,) = sandbox.webhooks()
    assert (webhook["idempotencyKey"], webhook["repetitions"]) == (str(order.event_id), 1)


def test_any_other_answer_than_success_is_tried_again(
    accept: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    sandbox.control(monitoring={"rejectNext": 1, "failNext": 1})
    order = an_order()
    accept([order])

    with delivering(engine, MONITORING, sandbox) as work:
        (delivery,) = run_until_final(work, engine, [order], MONITORING)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 3)
    assert len(sandbox.webhooks()) == 1
