"""A row or a reply that meets a bug costs its own delivery or alert time, and no other."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from structlog.testing import capture_logs

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.ask_for_results import AskForResults
from notification_service.application.attempt_delivery import AttemptDelivery
from notification_service.application.count_sales import CountSales
from notification_service.application.deliver_effect import DeliverEffect
from notification_service.application.delivering.provider_gate import OpenGate, ProviderGate
from notification_service.application.ports import Gate, MaySend
from notification_service.application.record_results import RecordedResults, RecordResults
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import ProviderResult, ResultState
from notification_service.domain.delivery import DeliveryStatus, Effect
from notification_service.domain.errors import ReceiverUnavailable
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.order_event import OrderEvent
from notification_service.domain.provider_state import ProbePolicy
from servicekit.db.errors import is_bug
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import LIMITS, QUICK, delivery_of, transactions
from tests.integration.notification_service.limited_work import alimtalk_statuses
from tests.integration.notification_service.monitoring.alert_work import FIRST, LARGE, alerting, kinds
from tests.support.alert_receiver import AlertReceiver
from tests.support.clock import Clock
from tests.support.notification_builders import WRITE_ALIMTALK, a_completed_order
from tests.support.provider_double import ProviderDouble, reported


@pytest.fixture
def receiver() -> Iterator[AlertReceiver]:
    with AlertReceiver() as receiver:
        yield receiver


def execute(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


@dataclass
class Lying(ProviderDouble):
    """Gives its second message an id that the database can't store."""

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        message_id = super().send(message, may_send)
        return "m-\x00" if message_id == "m-2" else message_id


@dataclass
class FailingAndLying(ProviderDouble):
    """Takes only its second message, and gives it an id that the database can't store."""

    calls: int = 0

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        self.before_send()
        self.calls += 1
        if self.calls == 2:
            return "m-\x00"
        raise ReceiverUnavailable(FailureReason.RECEIVER_UNREACHABLE, "no connection")


class Picky(RecordResults):
    """Meets a bug at one message's result."""

    def __call__(self, provider: str, results: Sequence[ProviderResult]) -> RecordedResults:
        if "m-2" in {result.message_id for result in results}:
            raise KeyError("m-2")
        return super().__call__(provider, results)


@contextmanager
def sending(engine: Engine, provider: ProviderDouble, gate: Gate | None = None) -> Iterator[DeliverEffect]:
    with ThreadPoolExecutor(1) as pool:
        yield DeliverEffect(
            Effect.ALIMTALK,
            AttemptDelivery(
                Effect.ALIMTALK, SendAlimtalk(provider, 0.0, WRITE_ALIMTALK), QUICK, jitter=lambda: 0.5
            ),
            transactions(engine),
            provider=provider.name,
            gate=gate or OpenGate(),
            pool=pool,
            limits=LIMITS,
            retry=QUICK,
            is_bug=is_bug,
        )


def send_all(engine: Engine, provider: ProviderDouble) -> None:
    with sending(engine, provider) as work:
        work(StopSignal())


def make_uncountable(engine: Engine, order: OrderEvent) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("""UPDATE completed_order SET items = '{"no": "list"}' WHERE event_id = :event_id"""),
            {"event_id": order.event_id},
        )


def test_an_outcome_that_can_not_be_recorded_keeps_no_other_from_it(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    accept_order_events([a_completed_order() for _ in range(3)])

    with capture_logs() as logs:
        send_all(engine, Lying())

    # Its lease expires, and then it is looked up.
    assert alimtalk_statuses(engine) == {"ACCEPTED": 2, "SENDING": 1}
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["outcome_not_recorded"]


def test_a_result_that_can_not_be_recorded_keeps_no_other_from_it(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    accept_order_events([a_completed_order() for _ in range(3)])
    provider = ProviderDouble(known=reported({f"m-{n}": ResultState.DELIVERED for n in (1, 2, 3)}))
    send_all(engine, provider)
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET result_due_at = now() WHERE status = 'ACCEPTED'"))

    with ThreadPoolExecutor(1) as pool, capture_logs() as logs:
        unit_of_work = transactions(engine)
        ask_for_results = AskForResults(
            provider,
            unit_of_work,
            Picky(unit_of_work),
            pool=pool,
            batch_size=10,
            most_calls=10,
            expire_after_seconds=3600.0,
            is_bug=is_bug,
        )
        ask_for_results(StopSignal())

    assert alimtalk_statuses(engine) == {"DELIVERED": 2, "ACCEPTED": 1}
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["result_not_recorded"]


def test_an_order_that_can_not_be_counted_keeps_no_other_from_it(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    orders = [a_completed_order() for _ in range(3)]
    accept_order_events(orders)
    make_uncountable(engine, orders[1])

    with capture_logs() as logs:
        done = CountSales(transactions(engine), is_bug=is_bug)(StopSignal())

    assert done.deliveries == 2
    statuses = [delivery_of(engine, order, Effect.ANALYTICS).status for order in orders]
    assert statuses == [DeliveryStatus.DELIVERED, DeliveryStatus.PENDING, DeliveryStatus.DELIVERED]
    assert [line["event_id"] for line in logs if line["event"] == "event_not_counted"] == [
        str(orders[1].event_id)
    ]


def test_an_alert_that_can_not_be_raised_keeps_no_other_from_it(
    engine: Engine, receiver: AlertReceiver
) -> None:
    clock = Clock()
    execute(engine, f"INSERT INTO alert (alert_key, rule, seen) VALUES ('large:KRW', 'large', {2**63 - 1})")  # noqa: S608
    with alerting(engine, receiver, LARGE, FIRST, clock=clock) as work:
        work.count(
            a_completed_order(total_amount=2_000_000), a_completed_order(total_amount=200_000, currency="USD")
        )
        with capture_logs() as logs, pytest.raises(DataError):
            work.raise_alerts(StopSignal())
        # Left alone, it is counted once, and not with every call.
        work.proceed()
        assert kinds(receiver) == [("firing", "first:KRW"), ("firing", "large:USD")]
        assert [line["alert"] for line in logs if line["event"] == "alert_not_raised"] == ["large:KRW"]

        execute(engine, "UPDATE alert SET seen = 0 WHERE alert_key = 'large:KRW'")
        clock.now += 61
        work.proceed()
        assert kinds(receiver)[-1] == ("firing", "large:KRW")


def test_a_match_that_can_not_be_added_keeps_no_other_from_its_alert(
    engine: Engine, receiver: AlertReceiver
) -> None:
    orders = [a_completed_order(total_amount=2_000_000 + number) for number in range(3)]
    execute(engine, "ALTER TABLE alert ADD CHECK (details ->> 'totalAmount' IS DISTINCT FROM '2000002')")
    with alerting(engine, receiver, LARGE) as work:
        for order in orders:
            work.count(order)
        with pytest.raises(IntegrityError):
            work.raise_alerts(StopSignal())

    with engine.connect() as connection:
        left = connection.execute(text("SELECT order_id FROM alert_match")).scalars().all()
        seen = connection.execute(text("SELECT seen FROM alert")).scalar_one()
    assert (left, seen) == ([orders[2].order_id], 2)


def test_a_notice_that_can_not_be_read_keeps_no_other_from_it(
    engine: Engine, receiver: AlertReceiver
) -> None:
    with alerting(engine, receiver, LARGE, FIRST) as work, capture_logs() as logs:
        work.count(a_completed_order(total_amount=2_000_000))
        work.raise_alerts(StopSignal())
        execute(engine, "UPDATE alert_notice SET severity = 'page' WHERE rule = 'first'")
        work.send_alerts(StopSignal())

    assert kinds(receiver) == [("firing", "large:KRW")]
    assert [line["alert"] for line in logs if line["event"] == "alert_notice_not_read"] == ["first:KRW"]


def test_orders_that_can_not_be_counted_fill_no_second_batch(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    orders = [a_completed_order() for _ in range(3)]
    for order in orders:
        accept_order_events([order])
    for order in orders[:2]:
        make_uncountable(engine, order)
    count = CountSales(transactions(engine), batch_size=2, is_bug=is_bug)

    with pytest.raises(DBAPIError):
        count(StopSignal())
    done = count(StopSignal())

    assert done.deliveries == 1
    assert delivery_of(engine, orders[2], Effect.ANALYTICS).status is DeliveryStatus.DELIVERED
    # They are tried again later, and known to be tried in vain: that makes them overdue.
    with engine.connect() as connection:
        postponed = text(
            "SELECT count(*) FROM delivery WHERE effect = 'ANALYTICS' AND status = 'PENDING'"
            " AND due_at > clock_timestamp() AND first_attempted_at <= clock_timestamp()"
        )
        assert connection.scalar(postponed) == 2


def test_calls_recorded_alone_are_learned_once_if_another_meets_a_lock(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    orders = [a_completed_order() for _ in range(4)]
    for order in orders:
        accept_order_events([order])
    provider = FailingAndLying()
    gate = ProviderGate(provider.name, 5_000.0, ProbePolicy(failures_to_open=100), 20.0)
    with (
        engine.connect() as other,
        sending(engine, provider, gate) as work,
    ):
        last = {"event_id": orders[-1].event_id}
        lock = text("SELECT FROM delivery WHERE event_id = :event_id AND effect = 'ALIMTALK' FOR UPDATE")
        provider.before_send = lambda: other.execute(lock, last)
        with pytest.raises(DBAPIError, match="lock timeout"):
            work(StopSignal())
        other.rollback()

        # It only records what it has kept.
        stopped = StopSignal()
        stopped.set()
        work(stopped)

    assert provider.calls == 4
    assert alimtalk_statuses(engine) == {"PENDING": 3, "SENDING": 1}
    with transactions(engine)() as unit_of_work:
        assert unit_of_work.providers.get(provider.name).failures == 3
