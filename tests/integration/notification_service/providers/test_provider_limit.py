"""A provider's limit, which all consumers share in the database."""

import itertools
import threading
from bisect import bisect
from datetime import UTC, datetime
from functools import partial
from types import TracebackType

import pytest
from sqlalchemy import Engine, text

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.deliver_effect import ClaimLimits
from notification_service.application.delivering.provider_gate import ProviderGate
from notification_service.application.ports import Admission, Slots, UnitOfWork
from notification_service.domain.errors import ProviderThrottled, ReceiverUnavailable
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.order_event import OrderEvent
from notification_service.domain.provider_state import ProviderStatus
from notification_service.messaging.incoming_order_completed import CONSUMER_GROUP
from notification_service.persistence.unit_of_work import NotificationUnitOfWork
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import transactions
from tests.integration.notification_service.limited_work import (
    FAST,
    QUICK_PROBES,
    TWO_AT_ONCE,
    MeteredBatches,
    MeteredProvider,
    alimtalk_statuses,
    attempted,
    consumers,
    running,
    set_state,
    state_of,
)
from tests.support.notification_builders import a_completed_order
from tests.support.waiting import wait_until


@pytest.fixture
def provider() -> MeteredProvider:
    return MeteredProvider()


def accept(accept_order_events: AcceptOrderEvents, number: int) -> list[OrderEvent]:
    orders = [a_completed_order() for _ in range(number)]
    accept_order_events(orders)
    return orders


def test_three_consumers_together_keep_the_limit(
    accept_order_events: AcceptOrderEvents,
    engine: Engine,
    provider: MeteredProvider,
) -> None:
    accept(accept_order_events, 150)
    provider.latency_seconds = 0.02

    with consumers(engine, provider, 3, per_second=60.0) as effects, running(effects):
        wait_until(lambda: len(provider.sent) == 150, "all to be sent", 60)

    seconds = max(provider.called_at) - min(provider.called_at)
    # Three limits would allow 174. A busy machine blurs it; tests/chaos/faults measures it closely.
    assert 149 / seconds < 90
    assert alimtalk_statuses(engine) == {"DELIVERED": 150}


def test_batches_keep_the_limit_of_messages_in_any_second(
    accept_order_events: AcceptOrderEvents,
    engine: Engine,
    provider: MeteredProvider,
) -> None:
    # Fresh, and of many buyers, so that they may go together.
    accept_order_events(
        [a_completed_order(completed_at=datetime.now(UTC), phone=f"010-4000-{n:04}") for n in range(300)]
    )
    provider.batches = batches = MeteredBatches(provider)
    limits = ClaimLimits(most=50, lease_seconds=20.0, attempt_seconds=5.0)

    with consumers(engine, provider, 3, per_second=150.0, limits=limits) as works, running(works):
        wait_until(lambda: len(provider.sent) == 300, "all to be sent", 60)

    assert max(batches.sizes) > 1
    called_at = sorted(provider.called_at)
    fullest = max(bisect(called_at, begin + 1.0) - at for at, begin in enumerate(called_at))
    # Three limits would allow 450. A busy machine blurs it; tests/chaos/faults measures it closely.
    assert fullest < 2 * 150
    assert len(set(provider.sent)) == 300


@pytest.mark.parametrize("column", ["failures", "unclear_answers"])
@pytest.mark.parametrize(("count", "sizes"), [(0, [10, 2]), (1, [])], ids=["well", "in-doubt"])
def test_a_provider_that_may_be_hanging_gets_no_batch(
    accept_order_events: AcceptOrderEvents,
    engine: Engine,
    provider: MeteredProvider,
    column: str,
    count: int,
    sizes: list[int],
) -> None:
    accept_order_events(
        [a_completed_order(completed_at=datetime.now(UTC), phone=f"010-4000-{n:04}") for n in range(12)]
    )
    provider.batches = batches = MeteredBatches(provider)
    set_state(engine, provider, ProviderStatus.RUNNING, **{column: str(count)})
    limits = ClaimLimits(most=50, lease_seconds=20.0, attempt_seconds=5.0)

    with consumers(engine, provider, limits=limits) as (work,):
        work(StopSignal())

    assert (sorted(batches.sizes, reverse=True), len(set(provider.sent))) == (sizes, 12)
    assert not state_of(engine, provider).is_in_doubt


def test_one_consumer_alone_keeps_the_limit(
    accept_order_events: AcceptOrderEvents,
    engine: Engine,
    provider: MeteredProvider,
) -> None:
    accept(accept_order_events, 60)

    with consumers(engine, provider, per_second=40.0) as effects, running(effects):
        wait_until(lambda: len(provider.sent) == 60, "all to be sent", 60)

    assert 59 / (max(provider.called_at) - min(provider.called_at)) < 60


def test_time_that_passed_unused_is_not_made_up_for(engine: Engine, provider: MeteredProvider) -> None:
    with transactions(engine)() as unit_of_work:
        first = unit_of_work.providers.reserve(provider.name, 2, 10.0)
        second = unit_of_work.providers.reserve(provider.name, 1, 10.0)
        unit_of_work.connection.execute(
            text("UPDATE alimtalk_provider SET next_slot_at = clock_timestamp() - interval '1 hour'")
        )
        third = unit_of_work.providers.reserve(provider.name, 1, 10.0)
        fourth = unit_of_work.providers.reserve(provider.name, 1, 10.0)

    assert [round(wait) for wait in (first, second, third, fourth)] == [0, 20, 0, 10]


def test_a_clock_that_was_put_back_stops_nothing(engine: Engine, provider: MeteredProvider) -> None:
    with transactions(engine)() as unit_of_work:
        unit_of_work.providers.reserve(provider.name, 1, 1.0)
        unit_of_work.connection.execute(
            text("UPDATE alimtalk_provider SET next_slot_at = clock_timestamp() + interval '1 hour'")
        )

        assert unit_of_work.providers.get(provider.name).wait_seconds == 0
        assert unit_of_work.providers.reserve(provider.name, 1, 1.0) < 1
        assert unit_of_work.providers.get(provider.name).wait_seconds <= 1


def test_a_pause_counts_though_the_clock_was_put_back(engine: Engine, provider: MeteredProvider) -> None:
    with transactions(engine)() as unit_of_work:
        unit_of_work.providers.lock(provider.name)
        unit_of_work.connection.execute(
            text("UPDATE alimtalk_provider SET next_slot_at = clock_timestamp() + interval '1 hour'")
        )
        unit_of_work.providers.push_back(provider.name, 30.0)
        unit_of_work.commit()

    assert 25 < state_of(engine, provider).wait_seconds <= 30


def test_while_the_limit_is_reached_nothing_is_claimed(
    accept_order_events: AcceptOrderEvents,
    engine: Engine,
    provider: MeteredProvider,
) -> None:
    accept(accept_order_events, 3)
    with transactions(engine)() as unit_of_work:
        # The lease would cover it; but those who come later would wait for longer and longer.
        unit_of_work.providers.reserve(provider.name, 1, 5.0)
        unit_of_work.commit()

    with consumers(engine, provider) as (work,):
        assert work(StopSignal()).deliveries == 0

    assert (attempted(engine), provider.called_at) == (0, [])


def test_a_slot_that_the_lease_does_not_cover_is_not_taken(
    accept_order_events: AcceptOrderEvents,
    engine: Engine,
    provider: MeteredProvider,
) -> None:
    accept(accept_order_events, 1)
    with transactions(engine)() as unit_of_work:
        unit_of_work.providers.reserve(provider.name, 1, 0.95)
        unit_of_work.commit()
    # An attempt may take nearly all of the lease.
    limits = ClaimLimits(most=4, lease_seconds=5.02, attempt_seconds=5.0)

    with consumers(engine, provider, limits=limits) as (work,):
        assert work(StopSignal()).deliveries == 0

    assert (attempted(engine), provider.called_at) == (0, [])
    assert state_of(engine, provider).wait_seconds < 0.95


@pytest.mark.parametrize(
    ("error", "statuses"),
    [(ProviderThrottled, {"PENDING": 3}), (ReceiverUnavailable, {"PENDING": 2, "UNKNOWN": 1})],
    ids=["429", "503"],
)
def test_a_pause_that_the_provider_asks_for_holds_all_consumers(
    error: type[ReceiverUnavailable],
    statuses: dict[str, int],
    accept_order_events: AcceptOrderEvents,
    engine: Engine,
    provider: MeteredProvider,
) -> None:
    accept(accept_order_events, 3)
    provider.failures = [error(FailureReason.RECEIVER_BUSY, "", retry_after_seconds=30.0)]
    limits = ClaimLimits(most=1, lease_seconds=20.0, attempt_seconds=5.0)

    with consumers(engine, provider, 2, limits=limits) as (one, other):
        one(StopSignal())
        assert other(StopSignal()).deliveries == 0

    assert len(provider.called_at) == 1
    assert alimtalk_statuses(engine) == statuses
    assert 25 < state_of(engine, provider).wait_seconds <= 30


def test_a_throttled_consumer_gives_back_what_it_has_claimed(
    accept_order_events: AcceptOrderEvents,
    engine: Engine,
    provider: MeteredProvider,
) -> None:
    accept(accept_order_events, 4)
    provider.failures = [ProviderThrottled(FailureReason.RECEIVER_BUSY, "")]

    with consumers(engine, provider, per_second=TWO_AT_ONCE) as (work,):
        work(StopSignal())

    assert len(provider.called_at) == 1
    assert attempted(engine) == 1


class WatchedGate(ProviderGate):
    def __init__(self, per_second: float = 40.0) -> None:
        super().__init__("nhn", per_second, QUICK_PROBES, 20.0)
        self.entered: list[Slots | None] = []

    def enter(
        self, unit_of_work: UnitOfWork, admission: Admission, deliveries: int, latest_seconds: float
    ) -> Slots | None:
        self.entered.append(super().enter(unit_of_work, admission, deliveries, latest_seconds))
        return self.entered[-1]


class SlowUnitOfWork(NotificationUnitOfWork):
    """A commit takes half a second, once ``is_slow`` is set: the turns of the claim come too late."""

    is_slow = threading.Event()

    def commit(self) -> None:
        super().commit()
        if self.is_slow.is_set():
            self.is_slow.clear()
            threading.Event().wait(0.5)


def test_turns_that_come_too_late_get_other_slots(
    accept_order_events: AcceptOrderEvents,
    engine: Engine,
    provider: MeteredProvider,
) -> None:
    accept(accept_order_events, 4)
    gate = WatchedGate()
    SlowUnitOfWork.is_slow.set()
    made = partial(SlowUnitOfWork, engine, CONSUMER_GROUP)

    with consumers(engine, provider, gate=gate, unit_of_work=made) as (work,):
        work(StopSignal())

    assert len(gate.entered) >= 2
    # Not all at once, as they would in their own slots.
    assert max(provider.called_at) - min(provider.called_at) > 0.02
    assert alimtalk_statuses(engine) == {"DELIVERED": 4}


def test_far_below_the_limit_what_waits_for_a_thread_keeps_its_turn(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    accept(accept_order_events, 12)
    # Four threads, so that most begin later than a slot may wait.
    provider = MeteredProvider(latency_seconds=0.1)
    gate = WatchedGate(per_second=FAST)
    limits = ClaimLimits(most=12, lease_seconds=20.0, attempt_seconds=5.0)

    with consumers(engine, provider, gate=gate, limits=limits) as (work,):
        work(StopSignal())

    assert len(gate.entered) == 1
    assert alimtalk_statuses(engine) == {"DELIVERED": 12}


class SecondEndFails(SlowUnitOfWork):
    """Its transactions commit, and closing the connection fails the second time."""

    ends = itertools.count(1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, traceback)
        if next(self.ends) == 2:
            raise ConnectionError("the server went away")


def test_late_turns_go_once_though_their_transaction_ends_badly(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    accept(accept_order_events, 4)
    provider = MeteredProvider(can_look_up=False)
    gate = WatchedGate()
    SlowUnitOfWork.is_slow.set()
    made = partial(SecondEndFails, engine, CONSUMER_GROUP)

    with consumers(engine, provider, gate=gate, unit_of_work=made) as (work,):
        while work(StopSignal()).deliveries:
            pass

    assert len(gate.entered) >= 2
    assert len(provider.called_at) == 4
    assert alimtalk_statuses(engine) == {"DELIVERED": 4}


def test_slots_of_a_stopped_process_are_lost(
    accept_order_events: AcceptOrderEvents,
    engine: Engine,
    provider: MeteredProvider,
) -> None:
    accept(accept_order_events, 4)
    stop = StopSignal()

    with consumers(engine, provider, per_second=TWO_AT_ONCE) as (work,):
        thread = threading.Thread(target=work, args=(stop,))
        thread.start()
        wait_until(lambda: provider.called_at, "the first to be sent")
        stop.set()
        thread.join(10)

    assert len(provider.called_at) == 1
    assert alimtalk_statuses(engine) == {"DELIVERED": 1, "PENDING": 3}
    assert attempted(engine) == 1
