"""Every attempt is in the history before its call leaves, and shows how it ended."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection, Engine, event, text

from notification_service.api import build_application
from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.ports import MaySend
from notification_service.domain.attempt import Receipt, Released, RetryLater
from notification_service.domain.attempt_history import Attempt, AttemptOutcome, Purpose
from notification_service.domain.delivery import ClaimedDelivery, DeliveryStatus, Effect
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.order_event import OrderEvent
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import (
    delivering,
    delivery_of,
    run_until_final,
    transactions,
)
from tests.support.notification_builders import a_completed_order
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until

ALIMTALK = Effect.ALIMTALK


def claim(engine: Engine, lease_seconds: float = 20.0) -> Sequence[ClaimedDelivery]:
    with transactions(engine)() as unit_of_work:
        claimed = unit_of_work.claims.claim(ALIMTALK, 10, lease_seconds, "sandbox")
        unit_of_work.commit()
        return claimed


def history(engine: Engine, order: OrderEvent) -> Sequence[Attempt]:
    return delivery_of(engine, order, ALIMTALK).history


def test_an_attempt_is_committed_before_the_call_and_ended_after_it(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    during: list[Attempt] = []

    def deliver(delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        during.extend(history(engine, order))
        return Receipt("m-1")

    with delivering(engine, ALIMTALK, sandbox, courier=deliver) as work:
        work(StopSignal())

    (begun,), (ended,) = during, history(engine, order)
    assert (begun.number, begun.provider, begun.purpose) == (1, "sandbox", Purpose.SEND)
    assert (begun.ended_at, begun.outcome) == (None, None)
    assert (ended.began_at, ended.outcome, ended.message_id) == (
        begun.began_at,
        AttemptOutcome.DELIVERED,
        "m-1",
    )
    assert ended.ended_at is not None
    assert ended.ended_at >= ended.began_at


def test_each_attempt_says_why_it_failed(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    sandbox.control(alimtalk={"throttleNext": 1})

    with delivering(engine, ALIMTALK, sandbox) as work:
        work(StopSignal())
        sandbox.control(alimtalk={"rejectNext": 1})
        run_until_final(work, engine, [order], ALIMTALK)

    found = [(attempt.number, attempt.outcome, attempt.reason) for attempt in history(engine, order)]
    assert found == [
        (1, AttemptOutcome.NOT_TAKEN, FailureReason.RECEIVER_BUSY),
        (2, AttemptOutcome.REJECTED, FailureReason.REJECTED),
    ]


def test_a_released_attempt_leaves_the_history_and_its_number(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    for _ in range(2):
        (claimed,) = claim(engine)
        with transactions(engine)() as unit_of_work:
            unit_of_work.claims.record([Released(claimed)])
            unit_of_work.commit()
        assert history(engine, order) == ()

    claim(engine)

    assert [attempt.number for attempt in history(engine, order)] == [1]


def test_a_released_look_up_is_unknown_again(accept_order_events: AcceptOrderEvents, engine: Engine) -> None:
    order = a_completed_order()
    accept_order_events([order])
    claim(engine, lease_seconds=0.0)
    (look_up,) = claim(engine)
    with transactions(engine)() as unit_of_work:
        unit_of_work.claims.record([Released(look_up)])
        unit_of_work.commit()

    delivery = delivery_of(engine, order, ALIMTALK)
    assert look_up.purpose is Purpose.LOOK_UP
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.UNKNOWN, 1)
    assert [claimed.purpose for claimed in claim(engine)] == [Purpose.LOOK_UP]


def test_an_attempt_whose_lease_expired_ends_as_unknown(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    order = a_completed_order(completed_at=datetime.now(UTC))
    accept_order_events([order])
    claim(engine, lease_seconds=0.1)
    wait_until(partial(claim, engine), "the lease to end")

    first, second = history(engine, order)

    assert (first.outcome, first.reason) == (AttemptOutcome.UNKNOWN, FailureReason.INTERRUPTED)
    assert first.ended_at is not None
    assert (second.number, second.purpose, second.outcome) == (2, Purpose.LOOK_UP, None)


def test_a_batch_costs_as_many_statements_as_one_delivery(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    statements: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    counts = []
    # One fewer than a claim takes: behind a full one there may be more.
    for number in (1, 7):
        accept_order_events([a_completed_order() for _ in range(number)])
        statements.clear()
        with delivering(engine, ALIMTALK, sandbox, courier=lambda delivery, may_send: Receipt()) as work:
            assert work(StopSignal()).deliveries == number
        counts.append(len(statements))

    assert counts == [2, 2]


def test_the_history_goes_with_its_delivery(accept_order_events: AcceptOrderEvents, engine: Engine) -> None:
    accept_order_events([a_completed_order()])
    claim(engine)

    with engine.begin() as connection:
        # As the former release deletes them.
        connection.execute(text("DELETE FROM delivery"))
        assert connection.scalar(text("SELECT count(*) FROM delivery_attempt")) == 0


def test_the_shop_sees_the_attempts_without_replies_and_recipients(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    order = a_completed_order(name="김하늘", phone="010-1234-5678")
    accept_order_events([order])
    sandbox.control(alimtalk={"throttleNext": 1})
    with delivering(engine, ALIMTALK, sandbox) as work:
        run_until_final(work, engine, [order], ALIMTALK)
    client = build_application(engine).test_client()

    reply = client.get("/api/v1/notifications", query_string={"orderId": str(order.order_id)})

    alimtalk, analytics, _ = reply.get_json()["effects"]
    first, second = alimtalk["attemptHistory"]
    assert set(first) == {"number", "provider", "purpose", "beganAt", "endedAt", "outcome", "reason"}
    assert (first["number"], first["outcome"], first["reason"]) == (1, "NOT_TAKEN", "RECEIVER_BUSY")
    assert (second["number"], second["outcome"], second["reason"]) == (2, "DELIVERED", None)
    assert second["beganAt"].endswith("Z")
    assert analytics["attemptHistory"] == []
    for private in ("1234-5678", "12345678", "김하늘", "127.0.0.1", "messageId"):
        assert private not in reply.get_data(as_text=True)


def test_a_reason_of_another_release_is_shown_as_other(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    order = a_completed_order(completed_at=datetime.now(UTC))
    accept_order_events([order])
    [delivery] = claim(engine)
    with transactions(engine)() as unit_of_work:
        unit_of_work.claims.record([RetryLater(delivery, 0.0, FailureReason.NO_REPLY)])
        unit_of_work.commit()
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET last_error = 'NEWER'"))
        connection.execute(text("UPDATE delivery_attempt SET reason = 'NEWER'"))

    found = delivery_of(engine, order, ALIMTALK)

    assert (found.last_error, found.history[0].reason) == (FailureReason.OTHER, FailureReason.OTHER)
