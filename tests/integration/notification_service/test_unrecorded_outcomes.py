"""The outcome of a delivery is kept until the database takes it."""

import pytest
from sqlalchemy import Connection, Engine, text

from notification_service.application.accept_completed_orders import AcceptCompletedOrders
from notification_service.application.ports import MaySend
from notification_service.domain.delivery import ClaimedDelivery, DeliveryStatus, Effect
from servicekit.db.errors import Verdict, verdict
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.builders import a_completed_order
from tests.integration.notification_service.effect_work import delivering, delivery_of
from tests.support.sandbox import Sandbox

MONITORING = Effect.MONITORING


class CourierWhoseDeliveryIsLocked:
    """Delivers, and lets another transaction hold the delivery's row when the outcome is recorded."""

    def __init__(self, other: Connection) -> None:
        self._other = other
        self.delivered: list[ClaimedDelivery] = []

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> str | None:
        self._other.execute(
            text("SELECT FROM delivery WHERE delivery_id = :delivery_id FOR UPDATE"),
            {"delivery_id": delivery.delivery_id},
        )
        self.delivered.append(delivery)
        return "reference-1"


def test_an_outcome_that_met_a_lock_is_recorded_later_without_redelivery(
    accept_completed_orders: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    order = a_completed_order()
    accept_completed_orders([order])
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
