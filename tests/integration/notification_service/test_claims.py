"""A delivery belongs to one claimant at a time, and to nobody for ever."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from sqlalchemy import Engine

from notification_service.application.accept_completed_orders import AcceptCompletedOrders
from notification_service.domain.attempt import Delivered, GivenUp, Outcome, Released, RetryLater
from notification_service.domain.delivery import ClaimedDelivery, DeliveryStatus, Effect
from notification_service.persistence.unit_of_work import ClaimUnitOfWork
from tests.integration.notification_service.builders import an_order
from tests.integration.notification_service.delivering import delivery_of
from tests.support.waiting import wait_until

ALIMTALK = Effect.ALIMTALK


def claim(engine: Engine, limit: int = 10, lease_seconds: float = 20.0) -> Sequence[ClaimedDelivery]:
    with ClaimUnitOfWork(engine) as work:
        claimed = work.deliveries.claim(ALIMTALK, limit, lease_seconds)
        work.commit()
        return claimed


def record(engine: Engine, *outcomes: Outcome) -> None:
    with ClaimUnitOfWork(engine) as work:
        work.deliveries.record(outcomes)
        work.commit()


def test_several_claimants_at_once_get_different_deliveries(
    accept: AcceptCompletedOrders, engine: Engine
) -> None:
    accept([an_order() for _ in range(100)])

    with ThreadPoolExecutor(5) as pool:
        batches = list(pool.map(partial(claim, engine), [15] * 5))
    rest = claim(engine, limit=100)

    claimed = [delivery.delivery_id for batch in [*batches, rest] for delivery in batch]
    assert all(len(batch) <= 15 for batch in batches)
    assert len(claimed) == len(set(claimed)) == 100


def test_a_claimed_delivery_comes_back_when_its_lease_is_over(
    accept: AcceptCompletedOrders, engine: Engine
) -> None:
    order = an_order()
    accept([order])
    (first,) = claim(engine, lease_seconds=0.3)
    assert claim(engine) == []
    assert not first.may_have_been_sent

    (second,) = wait_until(partial(claim, engine), "the lease to end")

    assert (second.attempt, second.may_have_been_sent) == (2, True)
    assert second.order == order


def test_a_claimant_whose_lease_was_taken_over_records_nothing(
    accept: AcceptCompletedOrders, engine: Engine
) -> None:
    order = an_order()
    accept([order])
    (late,) = claim(engine, lease_seconds=0.1)
    (present,) = wait_until(partial(claim, engine), "the lease to end")

    record(engine, GivenUp(late, "too late"))
    assert delivery_of(engine, order, ALIMTALK).status == DeliveryStatus.SENDING

    record(engine, Delivered(present, "message-1"))
    assert delivery_of(engine, order, ALIMTALK).status == DeliveryStatus.DELIVERED

    record(engine, RetryLater(present, 0.0, "recorded twice"))
    assert delivery_of(engine, order, ALIMTALK).status == DeliveryStatus.DELIVERED


def test_a_released_delivery_is_as_if_it_had_not_been_claimed(
    accept: AcceptCompletedOrders, engine: Engine
) -> None:
    accept([an_order()])
    (claimed,) = claim(engine)

    record(engine, Released(claimed))

    (again,) = claim(engine)
    assert (again.attempt, again.may_have_been_sent) == (1, False)


def test_results_of_a_batch_are_told_apart(accept: AcceptCompletedOrders, engine: Engine) -> None:
    orders = [an_order() for _ in range(4)]
    accept(orders)
    by_order = {claimed.order.order_id: claimed for claimed in claim(engine)}
    delivered, refused, delayed, released = (by_order[order.order_id] for order in orders)

    record(
        engine,
        Delivered(delivered, None),
        GivenUp(refused, "no such number"),
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


def test_a_reason_that_the_database_could_not_hold_is_recorded_all_the_same(
    accept: AcceptCompletedOrders, engine: Engine
) -> None:
    orders = [an_order(), an_order()]
    accept(orders)
    delayed, refused = claim(engine)

    record(engine, RetryLater(delayed, 60.0, "a\x00b"), GivenUp(refused, "c\ud800d" + "\x00" * 2_000))

    reasons = {delivery.last_error for delivery in (delivery_of(engine, order, ALIMTALK) for order in orders)}
    assert reasons == {"a\ufffdb", "c?d" + "\ufffd" * 997}
