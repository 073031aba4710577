"""OrderCancelled from its topic to the buyer and to analytics, in the consumer process's own composition."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.keep_messages_in_order import KeepMessagesInOrder
from notification_service.application.ports import MaySend
from notification_service.application.rebuild_analytics import RebuildAnalytics
from notification_service.config import ConsumerSettings
from notification_service.consumer import run
from notification_service.domain.attempt import Receipt
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.delivery import ClaimedDelivery, DeliveryStatus, Effect
from notification_service.domain.errors import DeliveryPostponed
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.order_event import OrderEvent
from notification_service.messaging.event_handling import IncomingEventHandler
from notification_service.messaging.incoming_order_cancelled import ORDER_CANCELLED, OrderCancelled
from notification_service.template_files import read_catalog
from servicekit.lifecycle import StopSignal
from servicekit.messaging.records import ReceivedRecord
from tests.integration.notification_service.consumer_deployment import TOPIC
from tests.integration.notification_service.counted import count_due, sums
from tests.integration.notification_service.effect_work import delivering, run_until_final, transactions
from tests.support.notification_builders import a_cancellation_of, an_order_of
from tests.support.notification_events import a_cancellation_event, an_event, encoded
from tests.support.sandbox import Sandbox
from tests.support.topics import produce
from tests.support.waiting import wait_until


@pytest.fixture
def consumer(migrated_url: str, order_completed: str, own_sandbox: Sandbox) -> Iterator[str]:
    """The consumer; Kafka's servers."""
    settings = ConsumerSettings(
        database_url=migrated_url,
        kafka_bootstrap_servers=order_completed,
        alimtalk_url=own_sandbox.url,
        monitoring_webhook_url=own_sandbox.monitoring_url,
    )
    stop = StopSignal()
    process = threading.Thread(target=run, args=(settings, read_catalog(), stop))
    process.start()
    yield order_completed
    stop.set()
    process.join(15)
    assert not process.is_alive()


def delivered(engine: Engine) -> dict[str, set[str]]:
    """The effects that each event has had."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT event_id, effect FROM delivery WHERE status IN ('DELIVERED', 'ACCEPTED')")
        )
        effects: dict[str, set[str]] = {}
        for row in rows:
            effects.setdefault(str(row.event_id), set()).add(row.effect)
        return effects


def test_each_cancellation_has_one_message_and_counts_once(
    consumer: str, engine: Engine, own_sandbox: Sandbox
) -> None:
    completed = an_event()
    partly = a_cancellation_event(completed)
    whole = a_cancellation_event(
        completed, occurredAt="2026-11-23T16:00:00.000000Z", cancelledAmount=18_500, remainingAmount=0,
        isWhole=True, items=[completed["items"][0] | {"quantity": 1}, completed["items"][1]],
    )  # fmt: skip
    # The news of the cancellation is here before the order.
    produce(consumer, ORDER_CANCELLED.topic, [encoded(partly), encoded(whole)] * 2)
    wait_until(lambda: len(delivered(engine)) == 2, "both cancellations to count")
    assert own_sandbox.messages() == []
    produce(consumer, TOPIC, [encoded(completed)])

    wait_until(
        lambda: (
            delivered(engine)
            == {
                completed["eventId"]: {"ALIMTALK", "ANALYTICS", "MONITORING"},
                partly["eventId"]: {"ALIMTALK", "CANCELLED_SALES"},
                whole["eventId"]: {"ALIMTALK", "CANCELLED_SALES"},
            }
        ),
        "all effects of the three events",
        60,
    )

    sent = own_sandbox.messages()
    assert [message["reference"] for message in sent] == [
        completed["eventId"], partly["eventId"], whole["eventId"],
    ]  # fmt: skip
    codes = [message["templateCode"] for message in sent]
    assert codes == ["ORDER_COMPLETED", "ORDER_PART_CANCEL", "ORDER_CANCELLED"]
    assert "- 환불금액: 15,000원\n- 남은 결제금액: 18,500원" in sent[1]["content"]
    assert "- 환불금액: 18,500원" in sent[2]["content"]
    assert [webhook["idempotencyKey"] for webhook in own_sandbox.webhooks()] == [completed["eventId"]]
    counted = sums(engine)
    # In Seoul, the second one is of the next day.
    assert [(row[0].day, *row[2:]) for row in counted["cancelled_daily"]] == [
        (23, 1, 1, 15_000), (24, 1, 2, 18_500),
    ]  # fmt: skip
    assert [row[2:] for row in counted["sales_daily"]] == [(1, 3, 33_500)]
    list(RebuildAnalytics(transactions(engine))())
    assert sums(engine) == counted


def test_a_cancellation_of_an_erased_recipient_only_counts(engine: Engine, sandbox: Sandbox) -> None:
    event = a_cancellation_event(an_event(), recipient={"name": "[erased]", "phone": "[erased]"})
    effects = {Effect.ALIMTALK, Effect.CANCELLED_SALES}
    handler = IncomingEventHandler(OrderCancelled, AcceptOrderEvents(transactions(engine), effects=effects))
    order = handler.parse(ReceivedRecord(ORDER_CANCELLED.topic, 0, 0, *encoded(event)))
    handler.handle([order])

    with delivering(engine, Effect.ALIMTALK, sandbox) as work:
        (skipped,) = run_until_final(work, engine, [order], Effect.ALIMTALK)
    count_due(engine)

    assert (skipped.status, skipped.last_error) == (
        DeliveryStatus.SKIPPED,
        FailureReason.RECIPIENT_ERASED,
    )
    assert sandbox.messages() == []
    assert [row[2:] for row in sums(engine)["cancelled_daily"]] == [(1, 1, 15_000)]
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT recipient_name, recipient_phone FROM completed_order"))
        assert kept.all() == [(None, None)]


class Sending:
    """A courier that would send."""

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        return Receipt("m-1", is_final=True)


def claimed(engine: Engine, order: OrderEvent) -> ClaimedDelivery:
    """As a claim finds it that is not kept."""
    with transactions(engine)() as unit_of_work:
        found = unit_of_work.claims.claim(Effect.ALIMTALK, 10, 20.0, "sandbox")
    (delivery,) = [each for each in found if each.order.event_id == order.event_id]
    return delivery


def waits(engine: Engine, cancellation: OrderEvent) -> bool:
    try:
        KeepMessagesInOrder(Sending())(claimed(engine, cancellation), lambda: True)
    except DeliveryPostponed as postponed:
        return postponed.reason is FailureReason.EARLIER_MESSAGE
    return False


def set_status(engine: Engine, order: OrderEvent, change: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(f"UPDATE delivery SET {change} WHERE event_id = :id AND effect = 'ALIMTALK'"),  # noqa: S608
            {"id": order.event_id},
        )


DONE = "status = 'DELIVERED', due_at = NULL, completed_at = now()"
FAILED = "status = 'FAILED', due_at = NULL, completed_at = now()"
NEEDS_OPERATOR = "status = 'UNKNOWN', due_at = NULL"
LOOKED_UP_LATER = "status = 'UNKNOWN', due_at = now() + interval '1 hour'"
TOMORROW = "due_at = now() + interval '1 day'"


def accept(engine: Engine, *orders: OrderEvent) -> None:
    AcceptOrderEvents(transactions(engine), effects={Effect.ALIMTALK})(orders)


@pytest.mark.parametrize(
    ("change", "is_awaited"),
    [(TOMORROW, True), (LOOKED_UP_LATER, True), (DONE, False), (FAILED, False), (NEEDS_OPERATOR, False)],
    ids=["tomorrow", "looked-up", "done", "failed", "needs-operator"],
)
def test_the_orders_own_message_goes_first(engine: Engine, change: str, *, is_awaited: bool) -> None:
    order = an_order_of(("P-1", 1, 100))
    cancellation = a_cancellation_of(order)
    accept(engine, order, cancellation)
    set_status(engine, order, change)

    assert waits(engine, cancellation) is is_awaited


def test_cancellations_of_an_order_are_reported_in_their_order(engine: Engine) -> None:
    order, other = an_order_of(("P-1", 2, 100)), an_order_of(("P-1", 1, 100))
    first = a_cancellation_of(order, ("P-1", 1, 100))
    second = a_cancellation_of(order, ("P-1", 1, 100), completed_at=first.completed_at + timedelta(seconds=1))
    accept(engine, second, first, order, other)
    set_status(engine, order, DONE)

    assert (waits(engine, first), waits(engine, second)) == (False, True)
    set_status(engine, first, DONE)
    assert not waits(engine, second)


def test_an_order_that_never_arrives_is_not_awaited_for_ever(engine: Engine) -> None:
    cancellation = a_cancellation_of(an_order_of(("P-1", 1, 100)))
    accept(engine, cancellation)
    assert waits(engine, cancellation)

    set_status(engine, cancellation, "created_at = created_at - interval '10 minutes'")

    assert not waits(engine, cancellation)


@pytest.mark.parametrize(("waited", "seconds"), [("0 seconds", 2.0), ("5 minutes", 30.0), ("3 days", 60.0)])
def test_what_waits_for_longer_is_tried_less_often(engine: Engine, waited: str, seconds: float) -> None:
    order = an_order_of(("P-1", 1, 100))
    cancellation = a_cancellation_of(order)
    accept(engine, order, cancellation)
    set_status(engine, cancellation, f"created_at = created_at - interval '{waited}'")

    with pytest.raises(DeliveryPostponed) as postponed:
        KeepMessagesInOrder(Sending()).check(claimed(engine, cancellation))

    assert postponed.value.delay_seconds == pytest.approx(seconds, rel=0.2)


def test_look_ups_and_other_events_wait_for_nothing(engine: Engine) -> None:
    order = an_order_of(("P-1", 1, 100))
    cancellation = a_cancellation_of(order)
    accept(engine, order, cancellation)
    assert waits(engine, cancellation)
    assert not waits(engine, order)

    set_status(engine, cancellation, "status = 'UNKNOWN', provider = 'sandbox', attempts = 1")

    assert claimed(engine, cancellation).purpose is Purpose.LOOK_UP
    assert not waits(engine, cancellation)
