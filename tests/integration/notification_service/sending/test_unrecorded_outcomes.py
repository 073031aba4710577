"""The outcome of a delivery is recorded soon, and kept until the database takes it."""

import threading

import pytest
from sqlalchemy import Connection, Engine, text

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.ports import MaySend
from notification_service.domain.attempt import Receipt
from notification_service.domain.delivery import ClaimedDelivery, DeliveryStatus, Effect
from servicekit.db.errors import Verdict, verdict
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import delivering, delivery_of
from tests.support.notification_builders import a_completed_order
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until

MONITORING = Effect.MONITORING


class CourierWhoseDeliveryIsLocked:
    """Delivers, and lets another transaction hold the delivery's row when the outcome is recorded."""

    def __init__(self, other: Connection) -> None:
        self._other = other
        self.delivered: list[ClaimedDelivery] = []

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        self._other.execute(
            text("SELECT FROM delivery WHERE delivery_id = :delivery_id FOR UPDATE"),
            {"delivery_id": delivery.delivery_id},
        )
        self.delivered.append(delivery)
        return Receipt("reference-1")


def test_an_outcome_that_met_a_lock_is_recorded_later_without_redelivery(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    with engine.connect() as other:
        courier = CourierWhoseDeliveryIsLocked(other)
        with delivering(engine, MONITORING, sandbox, courier=courier) as work:
            with pytest.raises(Exception, match="lock timeout") as failure:
                work(StopSignal())
            assert verdict(failure.value) is Verdict.CONFLICT
            assert delivery_of(engine, order, MONITORING).status == DeliveryStatus.SENDING

            other.rollback()
            work(StopSignal())

    delivery = delivery_of(engine, order, MONITORING)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 1)
    assert len(courier.delivered) == 1


def test_an_outcome_is_recorded_while_slower_attempts_go_on(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    quick, slow = a_completed_order(), a_completed_order()
    accept_order_events([quick, slow])
    release = threading.Event()

    def deliver(delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        if delivery.order.event_id == slow.event_id:
            assert release.wait(60)
        return Receipt()

    with delivering(engine, MONITORING, sandbox, courier=deliver) as work:
        working = threading.Thread(target=work, args=(StopSignal(),))
        working.start()
        try:
            wait_until(
                lambda: delivery_of(engine, quick, MONITORING).status == DeliveryStatus.DELIVERED,
                "the outcome to be recorded",
            )
            assert delivery_of(engine, slow, MONITORING).status == DeliveryStatus.SENDING
        finally:
            release.set()
            working.join(30)
    assert delivery_of(engine, slow, MONITORING).status == DeliveryStatus.DELIVERED


def test_an_outcome_that_met_a_lock_while_others_went_on_is_kept(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    quick, slow = a_completed_order(), a_completed_order()
    accept_order_events([quick, slow])
    with engine.connect() as other:
        courier = CourierWhoseDeliveryIsLocked(other)

        def deliver(delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
            if delivery.order.event_id == quick.event_id:
                return courier(delivery, may_send)
            wait_until(lambda: waits_for_a_lock(engine), "the record to meet the lock")
            wait_until(lambda: not waits_for_a_lock(engine), "the record to be given up")
            other.rollback()
            return Receipt()

        with delivering(engine, MONITORING, sandbox, courier=deliver) as work:
            work(StopSignal())
    for order in (quick, slow):
        delivery = delivery_of(engine, order, MONITORING)
        assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 1)


def waits_for_a_lock(engine: Engine) -> bool:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with engine.connect() as connection:
        return bool(connection.scalar(waiting))
