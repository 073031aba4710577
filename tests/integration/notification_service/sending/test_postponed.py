"""What may not be sent now costs no attempt, and is sent once it may."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import httpx
import pytest
import structlog
from sqlalchemy import Engine, text

from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.hold_unapproved import HoldUnapproved
from notification_service.application.keep_quiet_hours import KeepQuietHours
from notification_service.application.ports import Courier
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.attempt import Delivered, Outcome, Postponed, Released, RetryLater
from notification_service.domain.delivery import ClaimedDelivery, Delivery, DeliveryStatus, Effect
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.order_event import OrderEvent
from notification_service.domain.quiet_hours import QuietHours
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import (
    delivering,
    delivery_of,
    run_until_final,
    transactions,
)
from tests.support.notification_builders import WRITE_ALIMTALK, a_completed_order
from tests.support.sandbox import Sandbox

NIGHT = datetime(2026, 11, 23, 23, tzinfo=ZoneInfo("Asia/Seoul"))


@pytest.fixture
def order(accept_order_events: AcceptOrderEvents) -> OrderEvent:
    order = a_completed_order(completed_at=datetime.now(UTC))
    accept_order_events([order])
    return order


def sending(sandbox: Sandbox) -> SendAlimtalk:
    provider = SandboxAlimtalkProvider(httpx.Client(trust_env=False), sandbox.url)
    return SendAlimtalk(provider, 0.0, WRITE_ALIMTALK)


def make_due(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET due_at = now() WHERE due_at IS NOT NULL"))


def pass_time(engine: Engine, *, hours: float) -> None:
    """Put the times of deliveries back, as if they were those of earlier."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE delivery SET due_at = due_at - :hours * interval '1 hour',"
                " first_attempted_at = first_attempted_at - :hours * interval '1 hour'"
            ),
            {"hours": hours},
        )


def claimed(engine: Engine, *held: str) -> Sequence[ClaimedDelivery]:
    with transactions(engine)() as unit_of_work:
        found = unit_of_work.claims.claim(Effect.ALIMTALK, 10, 20.0, "sandbox", held)
        unit_of_work.commit()
    return found


def record(engine: Engine, *outcomes: Outcome) -> None:
    with transactions(engine)() as unit_of_work:
        unit_of_work.claims.record(outcomes)
        unit_of_work.commit()


def attempted_once(engine: Engine, sandbox: Sandbox, order: OrderEvent, courier: Courier) -> Delivery:
    with delivering(engine, Effect.ALIMTALK, sandbox, courier=courier) as work:
        work(StopSignal())
    return delivery_of(engine, order, Effect.ALIMTALK)


def seconds_until_due(delivery: Delivery) -> float:
    assert delivery.due_at is not None
    return (delivery.due_at - datetime.now(UTC)).total_seconds()


def test_what_is_due_in_quiet_hours_is_due_when_they_end(
    engine: Engine, sandbox: Sandbox, order: OrderEvent
) -> None:
    clock = [NIGHT]
    quiet = QuietHours.parse("21:00-08:00", ZoneInfo("Asia/Seoul"))
    courier = KeepQuietHours(sending(sandbox), quiet, partial(clock.__getitem__, 0))

    delivery = attempted_once(engine, sandbox, order, courier)

    assert (delivery.status, delivery.attempts, len(delivery.history)) == (DeliveryStatus.PENDING, 0, 0)
    assert delivery.last_error == FailureReason.QUIET_HOURS
    assert seconds_until_due(delivery) == pytest.approx(9 * 3600, abs=30)
    assert sandbox.messages() == []

    clock[0] += timedelta(hours=9)
    make_due(engine)
    with delivering(engine, Effect.ALIMTALK, sandbox, courier=courier) as work:
        (delivery,) = run_until_final(work, engine, [order], Effect.ALIMTALK)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 1)
    assert sandbox.references() == [str(order.event_id)]


def test_what_is_known_to_wait_for_a_template_is_not_claimed_again(
    engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    accept_order_events([a_completed_order(), a_completed_order()])
    waiting, other = claimed(engine)
    record(engine, Postponed(waiting, 0.0, FailureReason.TEMPLATE_NOT_USABLE), Released(other))

    assert [each.delivery_id for each in claimed(engine, "ORDER_COMPLETED")] == [other.delivery_id]
    assert [each.delivery_id for each in claimed(engine, "ORDER_COMPLETED_EN")] == [waiting.delivery_id]


@pytest.mark.parametrize("reason", [FailureReason.QUIET_HOURS, FailureReason.TEMPLATE_NOT_USABLE])
def test_time_in_which_nothing_may_be_sent_does_not_count(
    engine: Engine, order: OrderEvent, reason: FailureReason
) -> None:
    [delivery] = claimed(engine)
    record(engine, RetryLater(delivery, 0.0, FailureReason.RECEIVER_ERROR))
    pass_time(engine, hours=2)
    [delivery] = claimed(engine)
    assert delivery.age_seconds == pytest.approx(2 * 3600, abs=30)

    # As planned, and for an hour longer.
    record(engine, Postponed(delivery, 11 * 3600.0, reason))
    pass_time(engine, hours=12)

    [delivery] = claimed(engine)
    assert delivery.age_seconds == pytest.approx(2 * 3600, abs=30)


def test_why_a_message_waited_is_no_error_once_it_is_delivered(engine: Engine, order: OrderEvent) -> None:
    [delivery] = claimed(engine)
    record(engine, Postponed(delivery, 0.0, FailureReason.QUIET_HOURS))
    [delivery] = claimed(engine)
    record(engine, Released(delivery))
    assert delivery_of(engine, order, Effect.ALIMTALK).last_error == FailureReason.QUIET_HOURS

    [delivery] = claimed(engine)
    record(engine, Delivered(delivery, "m-1"))

    assert delivery_of(engine, order, Effect.ALIMTALK).last_error is None


def test_many_postponed_messages_are_one_line_of_the_log(
    engine: Engine, sandbox: Sandbox, accept_order_events: AcceptOrderEvents
) -> None:
    accept_order_events([a_completed_order() for _ in range(5)])
    held = HoldUnapproved(sending(sandbox), lambda code: "not approved", lambda code: None)

    with (
        structlog.testing.capture_logs() as logs,
        delivering(engine, Effect.ALIMTALK, sandbox, courier=held, checks=[held.check]) as work,
    ):
        done = work(StopSignal())

    assert [(line["event"], line["deliveries"]) for line in logs] == [("deliveries_postponed", 5)]
    assert done.pause_seconds == 0.0


def test_what_has_no_approved_template_waits_for_the_approval(
    engine: Engine, sandbox: Sandbox, order: OrderEvent
) -> None:
    obstacles = {"ORDER_COMPLETED": "it is not approved: REJECTED"}
    courier = HoldUnapproved(sending(sandbox), obstacles.get, lambda code: None)

    delivery = attempted_once(engine, sandbox, order, courier)

    assert (delivery.status, delivery.attempts, len(delivery.history)) == (DeliveryStatus.PENDING, 0, 0)
    assert delivery.last_error == FailureReason.TEMPLATE_NOT_USABLE
    assert 0 < seconds_until_due(delivery) <= 60
    assert sandbox.messages() == []

    obstacles.clear()
    make_due(engine)
    assert attempted_once(engine, sandbox, order, courier).status == DeliveryStatus.DELIVERED


@pytest.mark.parametrize(
    ("code", "beginning"), [("ORDER_COMPLETED_EN", "[Order confirmed]"), (None, "[주문완료]")]
)
def test_every_attempt_has_the_template_with_which_the_order_was_accepted(
    engine: Engine, sandbox: Sandbox, code: str | None, beginning: str
) -> None:
    order = a_completed_order(completed_at=datetime.now(UTC))
    AcceptOrderEvents(transactions(engine), template_of=lambda _: code)([order])

    with delivering(engine, Effect.ALIMTALK, sandbox) as work:
        run_until_final(work, engine, [order], Effect.ALIMTALK)

    [message] = sandbox.messages()
    assert message["content"].startswith(beginning)
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT effect, template FROM delivery WHERE effect <> 'ALIMTALK'"))
        assert {template for _, template in rows} == {None}


def test_a_delivery_by_an_unknown_template_waits_for_a_release_that_has_it(
    engine: Engine, sandbox: Sandbox
) -> None:
    order = a_completed_order(completed_at=datetime.now(UTC))
    AcceptOrderEvents(transactions(engine), template_of=lambda _: "ORDER_COMPLETED_9")([order])

    delivery = attempted_once(engine, sandbox, order, sending(sandbox))

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.PENDING, 0)
    assert delivery.last_error == FailureReason.TEMPLATE_NOT_USABLE
    assert sandbox.messages() == []
