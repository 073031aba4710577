"""One message for each order, whatever the provider does."""

import time
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.delivery import DeliveryStatus, Effect
from notification_service.domain.errors import NotSent
from notification_service.domain.failure_reason import FailureReason
from servicekit.lifecycle import StopSignal
from servicekit.outbound.http_client import create_http_client
from tests.integration.notification_service.effect_work import (
    QUICK,
    delivering,
    delivery_of,
    run_until_final,
    transactions,
)
from tests.support.notification_builders import WRITE_ALIMTALK, a_completed_order
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until

ALIMTALK = Effect.ALIMTALK


def test_the_buyer_gets_the_approved_text(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    order = a_completed_order(name="김하늘", phone="010-1234-5678", total_amount=1_234_500, item_count=3)
    accept_order_events([order])

    with delivering(engine, ALIMTALK, sandbox) as work:
        (delivery,) = run_until_final(work, engine, [order], ALIMTALK)

    assert (delivery.status, delivery.attempts, delivery.last_error) == (DeliveryStatus.DELIVERED, 1, None)
    (message,) = sandbox.messages()
    assert message["reference"] == str(order.event_id)
    assert message["templateCode"] == "ORDER_COMPLETED"
    assert message["recipientNo"] == "01012345678"
    assert message["content"].startswith("[주문완료] 김하늘님, 주문이 완료되었습니다.")
    assert "결제금액: 1,234,500원" in message["content"]


def test_a_message_whose_acceptance_was_lost_is_not_sent_twice(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    sandbox.control(alimtalk={"timeoutAfterAcceptNext": 3, "timeoutMs": 2_000})
    orders = [a_completed_order() for _ in range(4)]
    accept_order_events(orders)

    with delivering(engine, ALIMTALK, sandbox, timeout_seconds=0.3) as work:
        found = run_until_final(work, engine, orders, ALIMTALK)

    assert {delivery.status for delivery in found} == {DeliveryStatus.DELIVERED}
    assert sum(delivery.attempts == 1 for delivery in found) == 1
    assert sorted(sandbox.references()) == sorted(str(order.event_id) for order in orders)


def test_a_message_that_the_provider_accepts_late_is_not_sent_twice(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    sandbox.control(alimtalk={"timeoutBeforeAcceptNext": 1, "timeoutMs": 2_000})
    order = a_completed_order()
    accept_order_events([order])

    with delivering(engine, ALIMTALK, sandbox, timeout_seconds=0.3, processing_seconds=60.0) as work:
        accepted_at = time.monotonic() + 2.0
        (delivery,) = run_until_final(work, engine, [order], ALIMTALK)
        wait_until(lambda: time.monotonic() > accepted_at + 0.5, "the provider to have accepted the post")

    assert delivery.status == DeliveryStatus.DELIVERED
    assert sandbox.references() == [str(order.event_id)]


def test_a_restored_database_sends_no_message_again(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    with delivering(engine, ALIMTALK, sandbox) as work:
        (sent,) = run_until_final(work, engine, [order], ALIMTALK)
        with engine.begin() as connection:
            connection.execute(text("TRUNCATE inbox, delivery_attempt, delivery, completed_order"))

        # Its event is read once more.
        accept_order_events([order])
        (found,) = run_until_final(work, engine, [order], ALIMTALK)

    assert found.delivery_id != sent.delivery_id
    assert (found.status, found.attempts) == (DeliveryStatus.DELIVERED, 1)
    assert sandbox.references() == [str(order.event_id)]


def test_what_never_arrived_is_sent_after_the_processing_time(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    # As after a kill between the claim and the post: the lease ends without an outcome.
    with transactions(engine)() as unit_of_work:
        unit_of_work.claims.claim(ALIMTALK, 1, 0.1, "sandbox")
        unit_of_work.commit()

    with delivering(engine, ALIMTALK, sandbox, processing_seconds=1.0) as work:
        wait_until(lambda: work(StopSignal()).deliveries, "the lease to end")
        waiting = delivery_of(engine, order, ALIMTALK)
        (delivery,) = run_until_final(work, engine, [order], ALIMTALK)

    assert (waiting.status, waiting.last_error) == (DeliveryStatus.UNKNOWN, FailureReason.NOT_CONFIRMED)
    assert delivery.status == DeliveryStatus.DELIVERED
    assert sandbox.references() == [str(order.event_id)]


def test_nothing_is_sent_again_while_look_ups_of_the_message_fail(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    sandbox.control(alimtalk={"timeoutAfterAcceptNext": 1, "timeoutMs": 3_000, "failNextLookups": 3})

    with delivering(engine, ALIMTALK, sandbox, timeout_seconds=0.3) as work:
        (delivery,) = run_until_final(work, engine, [order], ALIMTALK)

    assert delivery.attempts == 5
    assert sandbox.references() == [str(order.event_id)]


def test_a_failing_provider_is_tried_again_with_a_growing_pause(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    sandbox.control(alimtalk={"failNext": 2, "throttleNext": 1})
    order = a_completed_order()
    accept_order_events([order])

    with delivering(engine, ALIMTALK, sandbox) as work:
        (delivery,) = run_until_final(work, engine, [order], ALIMTALK)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 6)
    assert delivery.last_error == FailureReason.RECEIVER_BUSY
    assert sandbox.references() == [str(order.event_id)]


def test_a_message_that_the_provider_rejects_is_not_tried_again(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    sandbox.control(alimtalk={"rejectNext": 1})
    bad = a_completed_order()
    accept_order_events([bad])

    with delivering(engine, ALIMTALK, sandbox) as work:
        (failed,) = run_until_final(work, engine, [bad], ALIMTALK)

    assert (failed.status, failed.attempts) == (DeliveryStatus.FAILED, 1)
    assert failed.last_error == FailureReason.REJECTED
    assert failed.completed_at is not None
    assert sandbox.references() == []


def test_a_recipient_who_can_not_get_an_alimtalk_is_skipped(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    land_line, mobile = a_completed_order(phone="02-123-4567"), a_completed_order(phone="+821012345678")
    accept_order_events([land_line, mobile])

    with delivering(engine, ALIMTALK, sandbox) as work:
        skipped, delivered = run_until_final(work, engine, [land_line, mobile], ALIMTALK)

    assert (skipped.status, skipped.attempts) == (DeliveryStatus.SKIPPED, 0)
    assert skipped.last_error == FailureReason.NOT_A_KOREAN_MOBILE_NUMBER
    assert skipped.completed_at is not None
    assert delivered.status == DeliveryStatus.DELIVERED
    assert [message["recipientNo"] for message in sandbox.messages()] == ["01012345678"]


def test_a_provider_that_fails_for_too_long_is_given_up(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    sandbox.control(alimtalk={"failNext": 1_000_000})
    order = a_completed_order()
    accept_order_events([order])
    retry = replace(QUICK, give_up_after_seconds=0.5)

    with delivering(engine, ALIMTALK, sandbox, retry=retry) as work:
        (delivery,) = run_until_final(work, engine, [order], ALIMTALK)

    assert delivery.status == DeliveryStatus.GIVEN_UP
    assert delivery.attempts > 1
    assert delivery.last_error == FailureReason.RECEIVER_ERROR


def test_an_old_delivery_survives_its_first_failure(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    sandbox.control(alimtalk={"throttleNext": 1})
    order = a_completed_order()
    accept_order_events([order])
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET created_at = created_at - interval '25 hours'"))

    with delivering(engine, ALIMTALK, sandbox) as work:
        (delivery,) = run_until_final(work, engine, [order], ALIMTALK)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 2)


def test_an_effect_pauses_while_its_provider_is_down(
    accept_order_events: AcceptOrderEvents, engine: Engine, own_sandbox: Sandbox
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    own_sandbox.process.kill()

    with delivering(engine, ALIMTALK, own_sandbox) as work:
        done = work(StopSignal())

    assert done.deliveries == 1
    assert done.pause_seconds > 0
    delivery = delivery_of(engine, order, ALIMTALK)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.PENDING, 1)
    assert delivery.last_error == FailureReason.RECEIVER_UNREACHABLE


def test_a_lease_that_expires_while_connecting_withdraws_the_message(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    accept_order_events([a_completed_order()])
    with transactions(engine)() as unit_of_work:
        (delivery,) = unit_of_work.claims.claim(ALIMTALK, 1, 20.0, "sandbox")
        unit_of_work.commit()

    with create_http_client(1.0, 1) as client:
        send_alimtalk = SendAlimtalk(SandboxAlimtalkProvider(client, sandbox.url), 0.0, WRITE_ALIMTALK)
        answers = iter([True, False])
        with pytest.raises(NotSent):
            send_alimtalk(delivery, lambda: next(answers))
        assert sandbox.references() == []

        send_alimtalk(delivery, lambda: True)
    assert sandbox.references() == [str(delivery.order.event_id)]
