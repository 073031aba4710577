"""Messages that go in one call: few calls, and still each message once, with a record of its own."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.deliver_effect import ClaimLimits
from notification_service.application.delivering.provider_gate import ProviderGate
from notification_service.domain.attempt_history import AttemptOutcome, Purpose
from notification_service.domain.delivery import DeliveryStatus, Effect
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.order_event import OrderEvent
from notification_service.domain.provider_state import ProviderStatus
from servicekit.lifecycle import StopSignal
from servicekit.outbound.bounded_transport import BoundedTransport
from tests.integration.alimtalk_providers.wire import Wire
from tests.integration.notification_service.effect_work import (
    delivering,
    delivery_of,
    run_until_final,
    transactions,
)
from tests.integration.notification_service.limited_work import QUICK_PROBES
from tests.support.notification_builders import a_completed_order
from tests.support.sandbox import Sandbox

ORDERS = 12
# As many as are claimed at once, and no more attempts than threads.
LIMITS = ClaimLimits(most=ORDERS, lease_seconds=20.0, attempt_seconds=5.0, parallel=4)


def accept(
    accept_order_events: AcceptOrderEvents, number: int = ORDERS, *, buyers: int = ORDERS
) -> list[OrderEvent]:
    """Orders of now, which nobody has to be asked about."""
    orders = [
        a_completed_order(phone=f"010-3000-{n % buyers:04}", completed_at=datetime.now(UTC))
        for n in range(number)
    ]
    accept_order_events(orders)
    return orders


def references(orders: list[OrderEvent]) -> dict[str, int]:
    return {str(order.event_id): 1 for order in orders}


def a_wire() -> Wire:
    return Wire(BoundedTransport(5.0, 8))


def posts(wire: Wire) -> Counter[str]:
    """How often each kind of call that sends was made."""
    return Counter(call.rpartition("/")[2] for call in wire.calls if call.startswith("POST"))


def test_a_backlog_goes_in_few_calls_and_each_message_once(
    engine: Engine, sandbox: Sandbox, accept_order_events: AcceptOrderEvents
) -> None:
    orders, wire = accept(accept_order_events), a_wire()

    with delivering(engine, Effect.ALIMTALK, sandbox, limits=LIMITS, in_batches=True, wire=wire) as work:
        done = run_until_final(work, engine, orders, Effect.ALIMTALK)

    assert Counter(sandbox.references()) == references(orders)
    assert {delivery.status for delivery in done} == {DeliveryStatus.DELIVERED}
    # Each has its own attempt, with its own id.
    (ids,) = {tuple(len(delivery.history) for delivery in done)}
    assert ids == (1,) * ORDERS
    assert len({delivery.history[0].message_id for delivery in done}) == ORDERS
    assert posts(wire) == {"batch": 1}


def test_two_orders_of_one_buyer_go_in_two_calls(
    engine: Engine, sandbox: Sandbox, accept_order_events: AcceptOrderEvents
) -> None:
    orders, wire = accept(accept_order_events, 4, buyers=2), a_wire()

    with delivering(engine, Effect.ALIMTALK, sandbox, limits=LIMITS, in_batches=True, wire=wire) as work:
        run_until_final(work, engine, orders, Effect.ALIMTALK)

    assert Counter(sandbox.references()) == references(orders)
    assert posts(wire) == {"batch": 2}


def test_a_lost_reply_is_looked_up_for_each_and_none_is_sent_again(
    engine: Engine, sandbox: Sandbox, accept_order_events: AcceptOrderEvents
) -> None:
    orders = accept(accept_order_events)
    sandbox.control(alimtalk={"timeoutAfterAcceptNext": 1, "timeoutMs": 3_000})

    with delivering(
        engine, Effect.ALIMTALK, sandbox, limits=LIMITS, timeout_seconds=1.0, in_batches=True
    ) as work:
        done = run_until_final(work, engine, orders, Effect.ALIMTALK)

    assert Counter(sandbox.references()) == references(orders)
    for delivery in done:
        first, *_, last = delivery.history
        assert (first.purpose, first.outcome) == (Purpose.SEND, AttemptOutcome.UNKNOWN)
        assert last.purpose is Purpose.LOOK_UP


@pytest.mark.parametrize("fault", ["rejectNext", "failNext", "throttleNext"])
def test_a_batch_that_is_not_taken_is_sent_message_by_message(
    engine: Engine, sandbox: Sandbox, accept_order_events: AcceptOrderEvents, fault: str
) -> None:
    orders, wire = accept(accept_order_events), a_wire()
    sandbox.control(alimtalk={fault: 1})

    with delivering(engine, Effect.ALIMTALK, sandbox, limits=LIMITS, in_batches=True, wire=wire) as work:
        done = run_until_final(work, engine, orders, Effect.ALIMTALK)

    assert Counter(sandbox.references()) == references(orders)
    assert {delivery.status for delivery in done} == {DeliveryStatus.DELIVERED}
    assert posts(wire) == {"batch": 1, "messages": ORDERS}


def test_one_lost_reply_opens_no_breaker_whatever_the_batch(
    engine: Engine, sandbox: Sandbox, accept_order_events: AcceptOrderEvents
) -> None:
    assert QUICK_PROBES.failures_to_open < ORDERS
    orders = accept(accept_order_events)
    gate = ProviderGate("sandbox", 5_000.0, QUICK_PROBES, 20.0)
    sandbox.control(alimtalk={"timeoutAfterAcceptNext": 1, "timeoutMs": 3_000})

    with delivering(
        engine, Effect.ALIMTALK, sandbox, limits=LIMITS, timeout_seconds=1.0, gate=gate, in_batches=True
    ) as work:
        work(StopSignal())

    statuses = [delivery_of(engine, order, Effect.ALIMTALK) for order in orders]
    assert {(each.status, each.last_error) for each in statuses} == {
        (DeliveryStatus.UNKNOWN, FailureReason.NO_REPLY)
    }
    with transactions(engine)() as unit_of_work:
        state = unit_of_work.providers.get("sandbox")
    assert (state.status, state.failures) == (ProviderStatus.RUNNING, 1)
