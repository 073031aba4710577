"""One message for each order, whatever the provider does."""

import pytest
from sqlalchemy import Engine

from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.application.accept_completed_orders import AcceptCompletedOrders
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.delivery import DeliveryStatus, Effect
from notification_service.domain.errors import NotBegun
from notification_service.domain.retry_policy import RetryPolicy
from notification_service.outbound import outbound_client
from notification_service.persistence.unit_of_work import ClaimUnitOfWork
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.builders import an_order
from tests.integration.notification_service.delivering import delivering, delivery_of, run_until_final
from tests.support.processes import Sandbox

ALIMTALK = Effect.ALIMTALK


def test_the_buyer_gets_the_approved_text(
    accept: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    order = an_order(name="김하늘", phone="010-1234-5678", total_amount=1_234_500, item_count=3)
    accept([order])

    with delivering(engine, ALIMTALK, sandbox) as work:
        (delivery,) = run_until_final(work, engine, [order], ALIMTALK)

    assert (delivery.status, delivery.attempts, delivery.last_error) == (DeliveryStatus.DELIVERED, 1, None)
    (message,) = sandbox.messages()
    assert message["reference"] == str(order.event_id)
    assert message["templateCode"] == "ORDER_COMPLETED"
    assert message["recipientNo"] == "01012345678"
    assert message["content"].startswith("[주문완료] 김하늘님, 주문이 완료되었습니다.")
    assert "결제금액: 1,234,500원" in message["content"]


def test_a_message_whose_acceptance_was_not_heard_is_not_sent_twice(
    accept: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    sandbox.control(alimtalk={"timeoutAfterAcceptNext": 3, "timeoutMs": 2_000})
    orders = [an_order() for _ in range(4)]
    accept(orders)

    with delivering(engine, ALIMTALK, sandbox, timeout_seconds=0.3) as work:
        found = run_until_final(work, engine, orders, ALIMTALK)

    assert {delivery.status for delivery in found} == {DeliveryStatus.DELIVERED}
    assert sum(delivery.attempts == 1 for delivery in found) == 1
    assert sorted(sandbox.references()) == sorted(str(order.event_id) for order in orders)


def test_while_the_provider_can_not_tell_whether_it_has_the_message_nothing_is_sent(
    accept: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    order = an_order()
    accept([order])
    sandbox.control(alimtalk={"timeoutAfterAcceptNext": 1, "timeoutMs": 1_000, "failNextLookups": 3})

    with delivering(engine, ALIMTALK, sandbox, timeout_seconds=0.3) as work:
        (delivery,) = run_until_final(work, engine, [order], ALIMTALK)

    assert delivery.attempts == 5
    assert sandbox.references() == [str(order.event_id)]


def test_a_failing_provider_is_tried_again_with_a_growing_pause(
    accept: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    sandbox.control(alimtalk={"failNext": 2, "throttleNext": 1})
    order = an_order()
    accept([order])

    with delivering(engine, ALIMTALK, sandbox) as work:
        (delivery,) = run_until_final(work, engine, [order], ALIMTALK)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 4)
    assert delivery.last_error is not None
    assert "429" in delivery.last_error
    assert sandbox.references() == [str(order.event_id)]


def test_a_number_that_can_not_be_reached_is_not_tried_again(
    accept: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    bad, good = an_order(phone="02-123-4567"), an_order()
    accept([bad, good])

    with delivering(engine, ALIMTALK, sandbox) as work:
        failed, delivered = run_until_final(work, engine, [bad, good], ALIMTALK)

    assert (failed.status, failed.attempts) == (DeliveryStatus.FAILED, 1)
    assert failed.last_error is not None
    assert "invalid-recipient" in failed.last_error
    assert failed.completed_at is not None
    assert delivered.status == DeliveryStatus.DELIVERED
    assert sandbox.references() == [str(good.event_id)]


def test_a_provider_that_fails_for_too_long_is_given_up(
    accept: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    sandbox.control(alimtalk={"failNext": 1_000_000})
    order = an_order()
    accept([order])
    retry = RetryPolicy(base_seconds=0.05, cap_seconds=0.1, pause_cap_seconds=0.05, give_up_after_seconds=0.5)

    with delivering(engine, ALIMTALK, sandbox, retry=retry) as work:
        (delivery,) = run_until_final(work, engine, [order], ALIMTALK)

    assert delivery.status == DeliveryStatus.FAILED
    assert delivery.attempts > 1
    assert delivery.last_error is not None
    assert "503" in delivery.last_error


def test_an_effect_pauses_while_its_provider_is_down(
    accept: AcceptCompletedOrders, engine: Engine, own_sandbox: Sandbox
) -> None:
    order = an_order()
    accept([order])
    own_sandbox.process.kill()

    with delivering(engine, ALIMTALK, own_sandbox) as work:
        done = work.run_once(StopSignal())

    assert done.deliveries == 1
    assert done.pause_seconds > 0
    delivery = delivery_of(engine, order, ALIMTALK)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.PENDING, 1)
    assert "can't be reached" in str(delivery.last_error)


def test_a_lease_that_ends_while_the_connection_is_made_takes_the_message_back(
    accept: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    accept([an_order()])
    with ClaimUnitOfWork(engine) as work:
        (delivery,) = work.deliveries.claim(ALIMTALK, 1, 20.0)
        work.commit()

    with outbound_client(1.0, 1) as client:
        courier = SendAlimtalk(SandboxAlimtalkProvider(client, sandbox.url))
        looks = iter([True, False])
        with pytest.raises(NotBegun):
            courier.deliver(delivery, lambda: next(looks))
        assert sandbox.references() == []

        courier.deliver(delivery, lambda: True)
    assert sandbox.references() == [str(delivery.order.event_id)]
