"""A provider's limit, which all consumers share in the database."""

import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import Engine, text

from notification_service.application.accept_completed_orders import AcceptCompletedOrders
from notification_service.application.deliver_effect import ClaimLimits
from notification_service.application.delivering.provider_gate import ProviderGate
from notification_service.application.ports import Admission, Slots, UnitOfWork
from notification_service.domain.completed_order import CompletedOrder
from notification_service.domain.errors import ProviderThrottled, ReceiverUnavailable
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.provider_call import Call
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.builders import a_completed_order
from tests.integration.notification_service.effect_work import transactions
from tests.integration.notification_service.limited_work import (
    QUICK_PROBES,
    MeteredProvider,
    alimtalk_statuses,
    attempted,
    consumers,
    running,
    state_of,
)
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until


@pytest.fixture
def provider() -> MeteredProvider:
    return MeteredProvider()


def accept(accept_completed_orders: AcceptCompletedOrders, number: int) -> list[CompletedOrder]:
    orders = [a_completed_order() for _ in range(number)]
    accept_completed_orders(orders)
    return orders


def test_three_consumers_together_keep_the_limit(
    accept_completed_orders: AcceptCompletedOrders,
    engine: Engine,
    sandbox: Sandbox,
    provider: MeteredProvider,
) -> None:
    accept(accept_completed_orders, 150)
    provider.latency_seconds = 0.02

    with consumers(engine, sandbox, provider, 3, per_second=60.0) as works, running(works):
        wait_until(lambda: len(provider.sent) == 150, "all to be sent")

    seconds = max(provider.called_at) - min(provider.called_at)
    assert provider.most_in_a_second() <= 63
    # A busy machine sends less; tests/chaos/faults measures both sides.
    assert 149 / seconds > 45
    assert alimtalk_statuses(engine) == {"DELIVERED": 150}


def test_one_consumer_alone_uses_most_of_the_limit(
    accept_completed_orders: AcceptCompletedOrders,
    engine: Engine,
    sandbox: Sandbox,
    provider: MeteredProvider,
) -> None:
    accept(accept_completed_orders, 60)

    with consumers(engine, sandbox, provider, per_second=40.0) as works, running(works):
        wait_until(lambda: len(provider.sent) == 60, "all to be sent")

    assert 30 <= provider.most_in_a_second() <= 42


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


def test_while_the_limit_is_reached_nothing_is_claimed(
    accept_completed_orders: AcceptCompletedOrders,
    engine: Engine,
    sandbox: Sandbox,
    provider: MeteredProvider,
) -> None:
    accept(accept_completed_orders, 3)
    with transactions(engine)() as unit_of_work:
        # The lease would cover it; but those who come later would wait for longer and longer.
        unit_of_work.providers.reserve(provider.name, 1, 5.0)
        unit_of_work.commit()

    with consumers(engine, sandbox, provider) as (work,):
        assert work(StopSignal()).deliveries == 0

    assert (attempted(engine), provider.called_at) == (0, [])


def test_a_slot_that_the_lease_does_not_cover_is_not_taken(
    accept_completed_orders: AcceptCompletedOrders,
    engine: Engine,
    sandbox: Sandbox,
    provider: MeteredProvider,
) -> None:
    accept(accept_completed_orders, 1)
    with transactions(engine)() as unit_of_work:
        unit_of_work.providers.reserve(provider.name, 1, 0.9)
        unit_of_work.commit()
    # An attempt may take all of the lease but 0.1 s.
    limits = ClaimLimits(most=4, lease_seconds=5.1, attempt_seconds=5.0)

    with consumers(engine, sandbox, provider, limits=limits) as (work,):
        assert work(StopSignal()).deliveries == 0

    assert (attempted(engine), provider.called_at) == (0, [])
    assert state_of(engine, provider).wait_seconds < 0.9


@pytest.mark.parametrize("error", [ProviderThrottled, ReceiverUnavailable])
def test_a_pause_that_the_provider_asks_for_holds_all_consumers(
    error: type[ReceiverUnavailable],
    accept_completed_orders: AcceptCompletedOrders,
    engine: Engine,
    sandbox: Sandbox,
    provider: MeteredProvider,
) -> None:
    accept(accept_completed_orders, 3)
    provider.failures = [error(FailureReason.RECEIVER_BUSY, "", retry_after_seconds=30.0)]
    # So slow that the others still wait for their slots.
    limits = ClaimLimits(most=1, lease_seconds=20.0, attempt_seconds=5.0)

    with consumers(engine, sandbox, provider, 2, limits=limits) as (one, other):
        one(StopSignal())
        assert other(StopSignal()).deliveries == 0

    assert len(provider.called_at) == 1
    assert alimtalk_statuses(engine) == {"PENDING": 3}
    assert 25 < state_of(engine, provider).wait_seconds <= 30


def test_a_throttled_consumer_gives_back_what_it_has_claimed(
    accept_completed_orders: AcceptCompletedOrders,
    engine: Engine,
    sandbox: Sandbox,
    provider: MeteredProvider,
) -> None:
    accept(accept_completed_orders, 4)
    provider.failures = [ProviderThrottled(FailureReason.RECEIVER_BUSY, "")]

    with consumers(engine, sandbox, provider, per_second=4.0) as (work,):
        work(StopSignal())

    assert len(provider.called_at) == 1
    assert attempted(engine) == 1


class GateThatStallsOnce(ProviderGate):
    """Holds its process for half a second, when turns wait for their slots."""

    def __init__(self) -> None:
        super().__init__("nhn", 40.0, QUICK_PROBES, 20.0)
        self.entered: list[Slots | None] = []
        self._stalls = 1

    def enter(
        self, unit_of_work: UnitOfWork, admission: Admission, deliveries: int, latest_seconds: float
    ) -> Slots | None:
        self.entered.append(super().enter(unit_of_work, admission, deliveries, latest_seconds))
        return self.entered[-1]

    def stops(self, calls: Sequence[Call]) -> bool:
        if self._stalls:
            self._stalls -= 1
            threading.Event().wait(0.5)
        return super().stops(calls)


def test_turns_that_come_too_late_get_other_slots(
    accept_completed_orders: AcceptCompletedOrders,
    engine: Engine,
    sandbox: Sandbox,
    provider: MeteredProvider,
) -> None:
    accept(accept_completed_orders, 4)
    gate = GateThatStallsOnce()

    with consumers(engine, sandbox, provider, gate=gate) as (work,):
        work(StopSignal())

    assert len(gate.entered) >= 2
    # Not all at once, as they would in their own slots.
    assert max(provider.called_at) - min(provider.called_at) > 0.05
    assert alimtalk_statuses(engine) == {"DELIVERED": 4}


def test_slots_of_a_stopped_process_are_lost(
    accept_completed_orders: AcceptCompletedOrders,
    engine: Engine,
    sandbox: Sandbox,
    provider: MeteredProvider,
) -> None:
    accept(accept_completed_orders, 4)
    stop = StopSignal()

    with consumers(engine, sandbox, provider, per_second=4.0) as (work,):
        thread = threading.Thread(target=work, args=(stop,))
        thread.start()
        wait_until(lambda: provider.called_at, "the first to be sent")
        stop.set()
        thread.join(10)

    assert len(provider.called_at) == 1
    assert alimtalk_statuses(engine) == {"DELIVERED": 1, "PENDING": 3}
    assert attempted(engine) == 1
