"""A delivery has one claimant at a time, and no claimant for ever."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import Engine, text

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.domain.attempt import Delivered, GivenUp, Outcome, Rejected, Released, RetryLater
from notification_service.domain.delivery import ClaimedDelivery, DeliveryStatus, Effect
from notification_service.domain.failure_reason import FailureReason
from tests.integration.notification_service.effect_work import delivery_of, transactions
from tests.support.notification_builders import a_completed_order
from tests.support.waiting import wait_until

ALIMTALK = Effect.ALIMTALK


def claim(engine: Engine, limit: int = 10, lease_seconds: float = 20.0) -> Sequence[ClaimedDelivery]:
    with transactions(engine)() as unit_of_work:
        claimed = unit_of_work.claims.claim(ALIMTALK, limit, lease_seconds, "sandbox")
        unit_of_work.commit()
        return claimed


def record(engine: Engine, *outcomes: Outcome) -> None:
    with transactions(engine)() as unit_of_work:
        unit_of_work.claims.record(outcomes)
        unit_of_work.commit()


def test_several_claimants_at_once_get_different_deliveries(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    accept_order_events([a_completed_order() for _ in range(100)])

    with ThreadPoolExecutor(5) as pool:
        batches = list(pool.map(partial(claim, engine), [15] * 5))
    rest = claim(engine, limit=100)

    claimed = [delivery.delivery_id for batch in [*batches, rest] for delivery in batch]
    assert all(len(batch) <= 15 for batch in batches)
    assert len(claimed) == len(set(claimed)) == 100


def test_a_claimed_delivery_comes_back_when_its_lease_is_over(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    order = a_completed_order(completed_at=datetime.now(UTC))
    accept_order_events([order])
    (first,) = claim(engine, lease_seconds=0.3)
    assert claim(engine) == []
    assert not first.may_have_been_sent

    (second,) = wait_until(partial(claim, engine), "the lease to end")

    assert (second.attempt, second.may_have_been_sent) == (2, True)
    assert second.order == order


def test_a_claimant_whose_lease_was_taken_over_records_nothing(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    (late,) = claim(engine, lease_seconds=0.1)
    (present,) = wait_until(partial(claim, engine), "the lease to end")

    record(engine, GivenUp(late, FailureReason.NO_REPLY))
    assert delivery_of(engine, order, ALIMTALK).status == DeliveryStatus.SENDING

    record(engine, Delivered(present, "message-1"))
    assert delivery_of(engine, order, ALIMTALK).status == DeliveryStatus.DELIVERED

    record(engine, RetryLater(present, 0.0, FailureReason.NO_REPLY))
    assert delivery_of(engine, order, ALIMTALK).status == DeliveryStatus.DELIVERED


def test_a_released_delivery_is_as_if_it_had_not_been_claimed(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    accept_order_events([a_completed_order(completed_at=datetime.now(UTC))])
    (claimed,) = claim(engine)

    record(engine, Released(claimed))

    (again,) = claim(engine)
    assert (again.attempt, again.may_have_been_sent) == (1, False)


def test_each_outcome_of_a_batch_is_recorded_as_its_own(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    orders = [a_completed_order() for _ in range(4)]
    accept_order_events(orders)
    by_order = {claimed.order.order_id: claimed for claimed in claim(engine)}
    delivered, rejected, delayed, released = (by_order[order.order_id] for order in orders)

    record(
        engine,
        Delivered(delivered, None),
        Rejected(rejected, FailureReason.REJECTED),
        RetryLater(delayed, 60.0, FailureReason.RECEIVER_BUSY),
        Released(released),
    )

    found = [delivery_of(engine, order, ALIMTALK) for order in orders]
    assert [delivery.status.value for delivery in found] == ["DELIVERED", "FAILED", "PENDING", "PENDING"]
    assert [delivery.attempts for delivery in found] == [1, 1, 1, 0]
    assert [delivery.last_error for delivery in found] == [None, "REJECTED", "RECEIVER_BUSY", None]
    assert [delivery.due_at is None for delivery in found] == [True, True, False, False]
    assert [delivery.completed_at is None for delivery in found] == [False, False, True, True]
    assert [claimed.order.order_id for claimed in claim(engine)] == [orders[3].order_id]


def test_what_a_former_release_recorded_is_not_shown(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET last_error = 'provider.internal answered 500: 김하늘'"))

    assert delivery_of(engine, order, ALIMTALK).last_error == FailureReason.OTHER


def test_a_claim_that_ended_without_an_outcome_may_have_sent_until_its_end(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    accept_order_events([a_completed_order()])
    (first,) = claim(engine, lease_seconds=0.3)
    (second,) = wait_until(partial(claim, engine), "the lease to end")

    assert first.seconds_since_possibly_sent is None
    assert second.seconds_since_possibly_sent is not None
    # Since the lease's end, not since the claim.
    assert second.seconds_since_possibly_sent < second.age_seconds - 0.2


@pytest.mark.parametrize("possibly_sent", [True, False])
def test_only_an_attempt_that_may_have_sent_is_remembered_as_one(
    accept_order_events: AcceptOrderEvents, engine: Engine, *, possibly_sent: bool
) -> None:
    accept_order_events([a_completed_order()])
    (first,) = claim(engine)
    record(engine, RetryLater(first, 0.0, FailureReason.NO_REPLY, possibly_sent))

    (second,) = claim(engine)

    assert (second.seconds_since_possibly_sent is not None) == possibly_sent


def test_a_deliverys_age_counts_from_its_first_attempt(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    accept_order_events([a_completed_order()])
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET created_at = created_at - interval '25 hours'"))
    (first,) = claim(engine)
    record(engine, RetryLater(first, 0.0, FailureReason.RECEIVER_BUSY))
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE delivery SET first_attempted_at = first_attempted_at - interval '1 hour'")
        )

    (second,) = claim(engine)

    assert first.age_seconds < 60.0
    assert 3600.0 <= second.age_seconds < 7200.0
