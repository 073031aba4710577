"""What may have reached the provider is UNKNOWN until a look-up, or an operator, decides."""

from dataclasses import dataclass, replace

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.record_results import RecordedResults, RecordResults
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.attempt_history import AttemptOutcome, Purpose
from notification_service.domain.delivery import RETRYABLE, Delivery, DeliveryStatus, Effect
from notification_service.domain.delivery_selection import DeliverySelection
from notification_service.domain.errors import OutcomeUnknown, ReceiverUnavailable
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.order_event import OrderEvent
from notification_service.domain.retry_policy import RetryPolicy
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import (
    QUICK,
    delivering,
    delivery_of,
    retry_deliveries,
    transactions,
)
from tests.support.notification_builders import WRITE_ALIMTALK, a_completed_order
from tests.support.provider_double import ProviderDouble, a_result
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until

LOST = OutcomeUnknown(FailureReason.NO_REPLY, "the reply was lost")
GIVES_UP = replace(QUICK, give_up_after_seconds=0.0)
BUSY = ReceiverUnavailable(FailureReason.RECEIVER_BUSY, "a gateway answered 503")


@dataclass
class Lagging(ProviderDouble):
    """Look-ups show nothing yet of what it has taken."""

    shows: bool = False

    def find(self, message: AlimtalkMessage) -> str | None:
        return super().find(message) if self.shows else None


@pytest.fixture
def order(accept_order_events: AcceptOrderEvents) -> OrderEvent:
    order = a_completed_order()
    accept_order_events([order])
    return order


def attempt(
    engine: Engine,
    sandbox: Sandbox,
    order: OrderEvent,
    provider: ProviderDouble,
    *,
    attempts: int,
    processing_seconds: float = 0.0,
    retry: RetryPolicy = QUICK,
) -> Delivery:
    """The order's alimtalk after so many attempts in all."""
    courier = SendAlimtalk(provider, processing_seconds, WRITE_ALIMTALK)

    def enough() -> Delivery | None:
        work(StopSignal())
        delivery = delivery_of(engine, order, Effect.ALIMTALK)
        return delivery if delivery.attempts >= attempts else None

    with delivering(
        engine, Effect.ALIMTALK, sandbox, courier=courier, provider=provider.name, retry=retry
    ) as work:
        return wait_until(enough, f"{attempts} attempts")


def history(delivery: Delivery) -> list[tuple[Purpose, AttemptOutcome | None]]:
    return [(attempt.purpose, attempt.outcome) for attempt in delivery.history]


def test_a_message_whose_reply_was_lost_is_unknown_until_it_is_found(
    engine: Engine, sandbox: Sandbox, order: OrderEvent
) -> None:
    provider = ProviderDouble(failures=[LOST], accepts_silently=True)

    unknown = attempt(engine, sandbox, order, provider, attempts=1)
    found = attempt(engine, sandbox, order, provider, attempts=2)

    assert (unknown.status, unknown.last_error) == (DeliveryStatus.UNKNOWN, FailureReason.NO_REPLY)
    assert unknown.due_at is not None
    assert found.status is DeliveryStatus.ACCEPTED
    assert history(found) == [
        (Purpose.SEND, AttemptOutcome.UNKNOWN),
        (Purpose.LOOK_UP, AttemptOutcome.ACCEPTED),
    ]
    assert len(provider.sent) == 1


def test_a_message_that_is_not_found_after_the_processing_time_is_sent(
    engine: Engine, sandbox: Sandbox, order: OrderEvent
) -> None:
    provider = ProviderDouble(failures=[LOST])

    delivery = attempt(engine, sandbox, order, provider, attempts=3)

    assert delivery.status is DeliveryStatus.ACCEPTED
    assert history(delivery) == [
        (Purpose.SEND, AttemptOutcome.UNKNOWN),
        (Purpose.LOOK_UP, AttemptOutcome.NOT_FOUND),
        (Purpose.SEND, AttemptOutcome.ACCEPTED),
    ]
    assert len(provider.sent) == 1


def test_a_message_that_is_not_found_while_processed_stays_unknown(
    engine: Engine, sandbox: Sandbox, order: OrderEvent
) -> None:
    provider = ProviderDouble(failures=[LOST])

    delivery = attempt(engine, sandbox, order, provider, attempts=3, processing_seconds=60.0)

    assert (delivery.status, delivery.last_error) == (DeliveryStatus.UNKNOWN, FailureReason.NOT_CONFIRMED)
    assert history(delivery)[1:] == [(Purpose.LOOK_UP, AttemptOutcome.UNKNOWN)] * 2
    assert provider.sent == []


def test_a_503_that_hides_an_acceptance_is_looked_up_until_it_shows(
    engine: Engine, sandbox: Sandbox, order: OrderEvent
) -> None:
    provider = Lagging(failures=[BUSY], accepts_silently=True)

    unknown = attempt(engine, sandbox, order, provider, attempts=3, processing_seconds=60.0)
    assert (unknown.status, provider.sent) == (DeliveryStatus.UNKNOWN, [str(order.event_id)])

    provider.shows = True
    found = attempt(engine, sandbox, order, provider, attempts=4, processing_seconds=60.0)
    assert (found.status, len(provider.sent)) == (DeliveryStatus.ACCEPTED, 1)


@pytest.mark.parametrize("retry", [QUICK, GIVES_UP], ids=["unknown", "given up"])
def test_a_webhook_with_our_reference_settles_what_no_look_up_confirms(
    engine: Engine, sandbox: Sandbox, order: OrderEvent, retry: RetryPolicy
) -> None:
    provider = Lagging(failures=[LOST], accepts_silently=True)
    before = attempt(engine, sandbox, order, provider, attempts=2, processing_seconds=60.0, retry=retry)
    assert before.status is (DeliveryStatus.GIVEN_UP if retry is GIVES_UP else DeliveryStatus.UNKNOWN)

    with capture_logs() as logs:
        reported = [a_result("m-1", reference=str(order.event_id))]
        recorded = RecordResults(transactions(engine))("double", reported)

    assert recorded == RecordedResults(0, unknown=0, doubled=0)
    delivery = delivery_of(engine, order, Effect.ALIMTALK)
    assert (delivery.status, delivery.due_at) == (DeliveryStatus.DELIVERED, None)
    assert [each.message_id for each in delivery.history] == ["m-1", None, "m-1"]
    assert [line["event"] for line in logs] == ["unknown_message_arrived"]


def test_without_look_ups_an_unknown_message_waits_for_an_operator(
    engine: Engine, sandbox: Sandbox, order: OrderEvent
) -> None:
    provider = ProviderDouble(can_look_up=False, failures=[LOST])

    waiting = attempt(engine, sandbox, order, provider, attempts=1)

    assert (waiting.status, waiting.due_at) == (DeliveryStatus.UNKNOWN, None)
    listed = DeliverySelection(RETRYABLE, waiting_only=True)
    with transactions(engine)() as unit_of_work:
        found = unit_of_work.deliveries.find(listed, limit=10, after=None)
    assert [delivery.delivery_id for delivery in found] == [waiting.delivery_id]
    assert retry_deliveries(engine, listed, reason="nobody got it") == 1
    assert attempt(engine, sandbox, order, provider, attempts=2).status is DeliveryStatus.ACCEPTED
    assert len(provider.sent) == 1


def test_without_look_ups_a_claim_that_was_lost_waits_for_an_operator(
    engine: Engine, sandbox: Sandbox, order: OrderEvent
) -> None:
    # As after a kill between the claim and the post: the lease ends without an outcome.
    with transactions(engine)() as unit_of_work:
        unit_of_work.claims.claim(Effect.ALIMTALK, 1, 0.0, "double")
        unit_of_work.commit()
    provider = ProviderDouble(can_look_up=False)

    waiting = attempt(engine, sandbox, order, provider, attempts=2)

    assert (waiting.status, waiting.due_at) == (DeliveryStatus.UNKNOWN, None)
    assert provider.sent == []


def test_a_retry_leaves_what_is_still_looked_up(engine: Engine, sandbox: Sandbox, order: OrderEvent) -> None:
    attempt(engine, sandbox, order, ProviderDouble(failures=[LOST]), attempts=1)

    assert retry_deliveries(engine, DeliverySelection(RETRYABLE), reason="?") == 0


def test_a_new_provider_is_not_asked_about_a_message_of_the_former(
    engine: Engine, sandbox: Sandbox, order: OrderEvent
) -> None:
    attempt(engine, sandbox, order, ProviderDouble(failures=[LOST], accepts_silently=True), attempts=1)
    other = ProviderDouble(name="other")

    waiting = attempt(engine, sandbox, order, other, attempts=2)

    assert (waiting.status, waiting.due_at) == (DeliveryStatus.UNKNOWN, None)
    assert other.sent == []
