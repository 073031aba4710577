"""Several messages in one call: what becomes of each, and what the call says about the provider."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pytest
import structlog

from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.application.attempt_delivery import AttemptDelivery
from notification_service.application.attempt_together import AttemptTogether
from notification_service.application.ports import MaySend, Sent
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.application.send_together import SendTogether
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.attempt import (
    Delivered,
    Outcome,
    Postponed,
    Rejected,
    Released,
    RetryLater,
    Unclear,
)
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.delivery import ClaimedDelivery, Effect
from notification_service.domain.errors import (
    DeliveryPostponed,
    DeliveryRejected,
    NotSent,
    OutcomeUnknown,
    ProviderStopped,
    ProviderThrottled,
    ReceiverUnavailable,
    TemplateRefused,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.provider_call import Call, CallOutcome
from notification_service.domain.retry_policy import RetryPolicy
from tests.support.notification_builders import WRITE_ALIMTALK, a_completed_order, a_delivery
from tests.unit.notification_service.scripted_provider import ScriptedProvider

R = FailureReason
REFUSED = DeliveryRejected(R.REJECTED, "an unknown number")
LOST = OutcomeUnknown(R.NO_REPLY, "no reply")
BUSY = ReceiverUnavailable(R.RECEIVER_BUSY, "503")
EMPTY = ProviderStopped(R.PROVIDER_STOPPED, "no balance", code="1030")


@dataclass
class Batches:
    """Accepts what isn't answered otherwise."""

    answer: Callable[[Sequence[AlimtalkMessage]], Sequence[Sent]] = lambda messages: [
        f"m-{message.reference}" for message in messages
    ]
    most: int = 10
    calls: list[list[str]] = field(default_factory=list)

    def send(self, messages: Sequence[AlimtalkMessage], may_send: MaySend) -> Sequence[Sent]:
        if not may_send():
            raise NotSent
        self.calls.append([message.reference for message in messages])
        return self.answer(messages)


@dataclass
class Scene:
    """AttemptTogether with ``batches``, and what its collaborators saw."""

    batches: Batches
    check: Callable[[ClaimedDelivery], object] = lambda delivery: None
    calls: list[Call] = field(default_factory=list)
    """What the breaker learns."""
    counted: list[Call] = field(default_factory=list)
    """What metrics count."""
    doubted: list[ClaimedDelivery] = field(default_factory=list)

    @cached_property
    def provider(self) -> SandboxAlimtalkProvider:
        return SandboxAlimtalkProvider(ScriptedProvider().client, "http://provider")

    @cached_property
    def send(self) -> SendTogether:
        return SendTogether(
            self.provider, self.batches, WRITE_ALIMTALK, checks=[self.check], doubt=self.doubted.append
        )

    @property
    def attempt(self) -> AttemptTogether:
        single = SendAlimtalk(self.provider, 60.0, WRITE_ALIMTALK)
        alone = AttemptDelivery(Effect.ALIMTALK, single, RetryPolicy(), lambda: 0.5, self.counted.append)
        return AttemptTogether(alone, self.send)

    def outcomes(self, *deliveries: ClaimedDelivery) -> list[type[Outcome]]:
        ended = self.attempt(deliveries, lambda: True)
        assert [one.outcome.delivery for one in ended] == list(deliveries)
        self.calls = [one.call for one in ended if one.call]
        return [type(one.outcome) for one in ended]


def deliveries(number: int) -> list[ClaimedDelivery]:
    return [a_delivery(a_completed_order(phone=f"010-1234-{n:04}")) for n in range(number)]


def answering(*sent: Sent) -> Batches:
    return Batches(lambda messages: sent)


def failing(failure: Exception) -> Batches:
    def answer(messages: Sequence[AlimtalkMessage]) -> Sequence[Sent]:
        raise failure

    return Batches(answer)


def test_one_call_delivers_all_and_is_one_for_the_breaker() -> None:
    scene, all_three = Scene(Batches()), deliveries(3)

    ended = scene.attempt(all_three, lambda: True)

    references = [str(delivery.order.event_id) for delivery in all_three]
    assert scene.batches.calls == [references]
    assert [one.outcome for one in ended] == [
        Delivered(delivery, f"m-{delivery.order.event_id}") for delivery in all_three
    ]
    assert [one.call for one in ended] == [Call(CallOutcome.ACCEPTED), None, None]
    assert scene.counted == [Call(CallOutcome.ACCEPTED)] * 3


def test_a_refused_message_costs_its_neighbours_nothing() -> None:
    scene = Scene(answering("m-1", REFUSED, "m-3"))

    assert scene.outcomes(*deliveries(3)) == [Delivered, Rejected, Delivered]
    assert scene.calls == [Call(CallOutcome.ACCEPTED), Call(CallOutcome.ANSWERED)]


def test_a_lost_reply_leaves_each_message_unknown_and_is_one_failed_call() -> None:
    scene = Scene(failing(LOST))

    assert scene.outcomes(*deliveries(3)) == [Unclear] * 3
    assert scene.calls == [Call(CallOutcome.UNKNOWN, "NO_REPLY")]


def test_a_batch_refused_as_a_whole_rejects_no_message() -> None:
    """One of them may be the cause: each goes on alone, as after any failure."""
    scene = Scene(failing(REFUSED))

    assert scene.outcomes(*deliveries(3)) == [RetryLater] * 3
    # It works: this opens no breaker.
    assert scene.calls == [Call(CallOutcome.ANSWERED)]


def test_a_batch_of_one_that_is_refused_is_rejected() -> None:
    assert Scene(failing(REFUSED)).outcomes(*deliveries(1)) == [Rejected]


@pytest.mark.parametrize("answer", [("m-1",), ("m-1", "m-2", "m-3")], ids=["too-few", "too-many"])
def test_an_adapter_that_miscounts_leaves_all_unknown(answer: tuple[str, ...]) -> None:
    with structlog.testing.capture_logs():
        assert Scene(answering(*answer)).outcomes(*deliveries(2)) == [Unclear] * 2


def test_leave_withdrawn_releases_all() -> None:
    scene = Scene(Batches())

    ended = scene.attempt(deliveries(3), lambda: False)

    assert [type(one.outcome) for one in ended] == [Released] * 3
    assert (scene.batches.calls, scene.counted) == ([], [])


def test_what_may_not_be_sent_now_is_left_out() -> None:
    first, night, third = deliveries(3)

    def check(delivery: ClaimedDelivery) -> None:
        if delivery is night:
            raise DeliveryPostponed(R.QUIET_HOURS, 60.0)

    scene = Scene(Batches(), check=check)

    assert scene.outcomes(first, night, third) == [Delivered, Postponed, Delivered]
    assert scene.batches.calls == [[str(first.order.event_id), str(third.order.event_id)]]


def test_a_message_that_a_bug_keeps_unwritten_costs_the_others_nothing() -> None:
    first, odd, third = deliveries(3)

    def check(delivery: ClaimedDelivery) -> None:
        if delivery is odd:
            raise LookupError("a bug")

    with structlog.testing.capture_logs():
        assert Scene(Batches(), check=check).outcomes(first, odd, third) == [Delivered, Unclear, Delivered]


def test_a_refused_template_is_doubted_once() -> None:
    scene, both = Scene(failing(TemplateRefused(R.TEMPLATE_NOT_USABLE, "-3005"))), deliveries(2)

    assert scene.outcomes(*both) == [RetryLater] * 2
    assert scene.doubted == both[:1]


def test_a_balance_that_ends_within_a_batch_stops_the_provider() -> None:
    scene = Scene(answering("m-1", "m-2", EMPTY, EMPTY))

    assert scene.outcomes(*deliveries(4)) == [Delivered, Delivered, RetryLater, RetryLater]
    assert scene.calls == [Call(CallOutcome.ACCEPTED), Call(CallOutcome.STOPPED, "1030")]


def test_a_limit_of_calls_is_met_once() -> None:
    scene = Scene(failing(ProviderThrottled(R.RECEIVER_BUSY, "429", retry_after_seconds=3.0)))

    assert scene.outcomes(*deliveries(3)) == [RetryLater] * 3
    assert scene.calls == [Call(CallOutcome.THROTTLED, "RECEIVER_BUSY", 3.0)]


def test_a_503_may_hide_that_each_was_taken() -> None:
    assert Scene(failing(BUSY)).outcomes(*deliveries(2)) == [Unclear] * 2


def test_no_log_names_a_recipient_of_the_batch() -> None:
    ordered = [
        a_delivery(a_completed_order(name=name, phone=phone))
        for name, phone in (("김하늘", "010-1111-2222"), ("이바다", "010-3333-4444"))
    ]
    quoted = OutcomeUnknown(R.MALFORMED_REPLY, '{"to": ["01011112222", "010-3333-4444"], "name": "이바다"}')

    with structlog.testing.capture_logs() as logs:
        Scene(failing(quoted)).outcomes(*ordered)

    assert len(logs) == 2
    assert not [part for part in ("1111", "3333", "이바다") if part in str(logs)]


def place_of(delivery: ClaimedDelivery) -> object:
    return Scene(Batches()).send.place_of(delivery)


def test_spellings_of_a_number_are_one_recipient() -> None:
    spellings = ["010-1234-5678", "+82 10-1234-5678", "010.1234.5678"]

    assert len({place_of(a_delivery(a_completed_order(phone=phone))) for phone in spellings}) == 1


@pytest.mark.parametrize(
    "delivery",
    [
        a_delivery(attempt=2),
        a_delivery(attempt=2, purpose=Purpose.LOOK_UP),
        a_delivery(seconds_since_ordered=61.0),
        a_delivery(seconds_since_ordered=61.0, may_be_elsewhere=True),
        a_delivery(failed_message_ids=frozenset({"m-1"})),
        a_delivery(provider="nhn"),
        a_delivery(a_completed_order(phone="0507-1234-5678")),
        a_delivery(a_completed_order(phone="02-123-4567")),
    ],
    ids=["retry", "look-up", "old", "elsewhere", "failed-before", "other-provider", "sms", "land-line"],
)
def test_only_what_asks_nobody_goes_together(delivery: ClaimedDelivery) -> None:
    assert place_of(a_delivery()) is not None
    assert place_of(delivery) is None
