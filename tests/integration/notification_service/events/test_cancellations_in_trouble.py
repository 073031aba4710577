"""Messages about cancellations beside former consumers, and with few connections to the database."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from notification_service.application.keep_messages_in_order import KeepMessagesInOrder
from notification_service.application.ports import MaySend
from notification_service.domain.attempt import Receipt
from notification_service.domain.delivery import ClaimedDelivery, Effect
from notification_service.domain.order_event import OrderEvent
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import delivering, transactions
from tests.integration.notification_service.events.test_order_cancelled import (
    DONE,
    TOMORROW,
    accept,
    set_status,
)
from tests.integration.notification_service.former_release import FORMER_CLAIM
from tests.integration.notification_service.limited_work import alimtalk_statuses
from tests.support.notification_builders import a_cancellation_of, an_order_of
from tests.support.sandbox import Sandbox


@pytest.fixture
def only_connection(migrated_url: str) -> Iterator[Engine]:
    """A pool of one connection, which gives up at once while that is in use."""
    settings = DatabaseSettings(
        database_url=migrated_url, database_pool_size=1, database_pool_timeout_seconds=0.05
    )
    engine = create_engine(settings, "test")
    yield engine
    engine.dispose()


@dataclass
class Occupying:
    """A courier whose first attempt takes the only connection until all others have sent, too."""

    engine: Engine
    expected: int
    sent: list[OrderEvent] = field(default_factory=list)
    all_sent: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        with self.lock:
            self.sent.append(delivery.order)
            is_first = len(self.sent) == 1
            if len(self.sent) == self.expected:
                self.all_sent.set()
        if is_first:
            with self.engine.connect():
                self.all_sent.wait(3)
        return Receipt(f"m-{delivery.delivery_id}", is_final=True)


def cancellations(engine: Engine, number: int, change: str) -> list[OrderEvent]:
    """Of orders whose own message is in the state that ``change`` makes."""
    orders = [an_order_of(("P-1", 1, 100)) for _ in range(number)]
    cancelled = [a_cancellation_of(order) for order in orders]
    accept(engine, *orders, *cancelled)
    for order in orders:
        set_status(engine, order, change)
    return cancelled


def test_a_former_consumer_claims_no_cancellation(engine: Engine) -> None:
    order = an_order_of(("P-1", 1, 100))
    cancellation = a_cancellation_of(order)
    accept(engine, order, cancellation)

    with engine.begin() as connection:
        assert connection.execute(text(FORMER_CLAIM)).rowcount == 1

    assert alimtalk_statuses(engine) == {"SENDING": 1, "PENDING": 1}
    with transactions(engine)() as unit_of_work:
        (claimed,) = unit_of_work.claims.claim(Effect.ALIMTALK, 10, 20.0, "sandbox")
    assert claimed.order.event_id == cancellation.event_id


def test_sending_cancellations_needs_no_connection(
    engine: Engine, only_connection: Engine, sandbox: Sandbox
) -> None:
    cancellations(engine, 4, DONE)
    sending = Occupying(only_connection, 4)
    courier = KeepMessagesInOrder(sending)

    with delivering(
        engine, Effect.ALIMTALK, sandbox, courier=courier, checks=[courier.check],
        unit_of_work=transactions(only_connection),
    ) as work:  # fmt: skip
        work(StopSignal())

    assert alimtalk_statuses(engine) == {"DELIVERED": 8}


@pytest.mark.parametrize("number", [1, 8])
def test_a_claim_asks_once_about_all_cancellations(
    number: int, engine: Engine, only_connection: Engine, sandbox: Sandbox
) -> None:
    cancellations(engine, number, TOMORROW)
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.extend([statement] if "WITH own" in statement else [])

    courier = KeepMessagesInOrder(Occupying(only_connection, number))
    event.listen(only_connection, "before_cursor_execute", note)
    with delivering(
        engine, Effect.ALIMTALK, sandbox, courier=courier, checks=[courier.check],
        unit_of_work=transactions(only_connection),
    ) as work:  # fmt: skip
        work(StopSignal())

    assert len(asked) == 1
    assert alimtalk_statuses(engine) == {"PENDING": 2 * number}
    with engine.connect() as connection:
        waiting = "SELECT count(*) FROM delivery WHERE last_error = 'EARLIER_MESSAGE' AND attempts = 0"
        assert connection.scalar(text(waiting)) == number
