"""What became of a delivery outlives a database that wouldn't hear of it."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Engine, text

from notification_service.application.accept_completed_orders import AcceptCompletedOrders
from notification_service.domain.delivery import ClaimedDelivery, DeliveryStatus, Effect
from servicekit.db.errors import is_conflict
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.builders import an_order
from tests.integration.notification_service.delivering import delivering, delivery_of
from tests.support.processes import Sandbox

MONITORING = Effect.MONITORING


class CourierWhoseDeliveryIsLocked:
    """Delivers, and has somebody else hold the delivery's row when that is to be recorded."""

    def __init__(self, other: Connection) -> None:
        self._other = other
        self.delivered: list[ClaimedDelivery] = []

    def deliver(self, delivery: ClaimedDelivery, may_send: Callable[[], bool]) -> str | None:
        self._other.execute(
            text("SELECT FROM delivery WHERE delivery_id = :delivery_id FOR UPDATE"),
            {"delivery_id": delivery.delivery_id},
        )
        self.delivered.append(delivery)
        return "reference-1"


def test_an_outcome_that_met_a_lock_is_recorded_the_next_time_and_nothing_delivered_again(
    accept: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> None:
    order = an_order()
    accept([order])
    with engine.connect() as other:
        courier = CourierWhoseDeliveryIsLocked(other)
        with delivering(engine, MONITORING, sandbox, courier=courier) as work:
            with pytest.raises(Exception, match="lock timeout") as failure:
                work.run_once(StopSignal())
            assert is_conflict(failure.value)
            assert delivery_of(engine, order, MONITORING).status == DeliveryStatus.SENDING

            other.rollback()
            work.run_once(StopSignal())

    delivery = delivery_of(engine, order, MONITORING)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 1)
    assert len(courier.delivered) == 1
