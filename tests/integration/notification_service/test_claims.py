"""A delivery has one claimant at a time, and no claimant for ever."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from sqlalchemy import Engine

from notification_service.application.accept_completed_orders import AcceptCompletedOrders
from notification_service.domain.attempt import Delivered, GivenUp, Outcome, Released, RetryLater
from notification_service.domain.delivery import ClaimedDelivery, DeliveryStatus, Effect
from tests.integration.notification_service.builders import a_completed_order
from tests.integration.notification_service.effect_work import delivery_of, transactions
from tests.support.waiting import wait_until

ALIMTALK = Effect.ALIMTALK


def claim(engine: Engine, limit: int = 10, lease_seconds: float = 20.0) -> Sequence[ClaimedDelivery]:
    with transactions(engine)() as unit_of_work:
        claimed = unit_of_work.claims.claim(ALIMTALK, limit, lease_seconds)
        unit_of_work.commit()
        return claimed


def record(engine: Engine, *outcomes: Outcome) -> None:
    with transactions(engine)() as unit_of_work:
        unit_of_work.claims.record(outcomes)
        unit_of_work.commit()


def test_several_claimants_at_once_get_different_deliveries(
    accept_completed_orders: AcceptCompletedOrders, engine: Engine
) -> None:
    accept_completed_orders([a_completed_order() for _ in range(100)])

    with ThreadPoolExecutor(5) as pool:
        batches = list(pool.map(partial(claim, engine), [15] * 5))
    rest = claim(engine, limit=100)

    claimed = [delivery.delivery_id for batch in [*batches, rest] for delivery in batch]
    assert all(len(batch) <= 15 for batch in batches)
    assert len(claimed) == len(set(claimed)) == 100


def test_a_claimed_delivery_comes_back_when_its_lease_is_over(
    accept_completed_orders: AcceptCompletedOrders, engine: Engine
) -> None:
    order = a_completed_order()
    accept_completed_orders([order])
    (first,) = claim(engine, lease_seconds=0.3)
    assert claim(engine) == []
    assert not first.may_have_been_sent

    (second,) = wait_until(partial(claim, engine), "the lease to end")

    assert (second.attempt, second.may_have_been_sent) == (2, True)
    assert second.order == order


def test_a_claimant_whose_lease_was_taken_over_records_nothing(
    accept_completed_orders: AcceptCompletedOrders, engine: Engine
) -> None:
    order = a_completed_order()
    accept_completed_orders([order])
    (late,) = claim(engine, lease_seconds=0.1)
    (present,) = wait_until(partial(claim, engine), "the lease to end")

    record(engine, GivenUp(late, "too late"))
    assert delivery_of(engine, order, ALIMTALK).status == DeliveryStatus.SENDING

    record(engine, Delivered(present, "message-1"))
    assert delivery_of(engine, order, ALIMTALK).status == DeliveryStatus.DELIVERED

    record(engine, RetryLater(present, 0.0, "recorded twice"))
    assert delivery_of(engine, order, ALIMTALK).status == DeliveryStatus.DELIVERED


def test_a_released_delivery_is_as_if_it_had_not_been_claimed(
    accept_completed_orders: AcceptCompletedOrders, engine: Engine
) -> None:
    accept_completed_orders([a_completed_order()])
    (claimed,) = claim(engine)

    record(engine, Released(claimed))

    (again,) = claim(engine)
    assert (again.attempt, again.may_have_been_sent) == (1, False)


def test_each_outcome_of_a_batch_is_recorded_as_its_own(
    accept_completed_orders: AcceptCompletedOrders, engine: Engine
) -> None:
    orders = [a_completed_order() for _ in range(4)]
    accept_completed_orders(orders)
    by_order = {claimed.order.order_id: claimed for claimed in claim(engine)}
    delivered, rejected, delayed, released = (by_order[order.order_id] for order in orders)

    record(
        engine,
        Delivered(delivered, None),
        GivenUp(rejected, "no such number"),
        RetryLater(delayed, 60.0, "busy"),
        Released(released),
    )

    found = [delivery_of(engine, order, ALIMTALK) for order in orders]
    assert [delivery.status.value for delivery in found] == ["DELIVERED", "FAILED", "PENDING", "PENDING"]
    assert [delivery.attempts for delivery in found] == [1, 1, 1, 0]
    assert [delivery.last_error for delivery in found] == [None, "no such number", "busy", None]
    assert [delivery.due_at is None for delivery in found] == [True, True, False, False]
    assert [delivery.completed_at is None for delivery in found] == [False, False, True, True]
    assert [claimed.order.order_id for claimed in claim(engine)] == [orders[3].order_id]


def test_a_reason_that_postgresql_can_not_store_is_recorded_cleaned(
    accept_completed_orders: AcceptCompletedOrders, engine: Engine
) -> None:
    orders = [a_completed_order(), a_completed_order()]
    accept_completed_orders(orders)
    delayed, rejected = claim(engine)

    record(engine, RetryLater(delayed, 60.0, "a\x00b"), GivenUp(rejected, "c\ud800d" + "\x00" * 2_000))

    reasons = {delivery.last_error for delivery in (delivery_of(engine, order, ALIMTALK) for order in orders)}
    assert reasons == {"a\ufffdb", "c?d" + "\ufffd" * 997}
