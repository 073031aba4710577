"""A message that another provider may have waits for its word, and that provider is seen not to give it."""

from collections.abc import Callable

import httpx
import pytest

from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.application.attempt_delivery import AttemptDelivery, Ended
from notification_service.application.ports import AlimtalkProvider
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.attempt import Delivered, Postponed
from notification_service.domain.delivery import Effect
from notification_service.domain.errors import (
    DeliveryFailed,
    OutcomeUnknown,
    ProviderStopped,
    ReceiverUnavailable,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.provider_call import Call, CallElsewhere, CallOutcome
from notification_service.domain.retry_policy import RetryPolicy
from tests.support.notification_builders import WRITE_ALIMTALK, a_delivery

R = FailureReason


def answering(reply: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(reply))


class Second(SandboxAlimtalkProvider):
    """Answers no question, for the reason given; without one, it has nothing."""

    name = "nhn"

    def __init__(self, failure: DeliveryFailed | None) -> None:
        super().__init__(answering(lambda request: httpx.Response(500)), "http://second")
        self._failure = failure

    def find(self, message: AlimtalkMessage) -> str | None:
        if self._failure is not None:
            raise self._failure
        return None


def first(sent: list[str]) -> AlimtalkProvider:
    def reply(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"messages": []})
        sent.append(request.url.path)
        return httpx.Response(200, json={"messageId": "m-1"})

    return SandboxAlimtalkProvider(answering(reply), "http://first")


def attempted(failure: DeliveryFailed | None, sent: list[str], seconds_since_ordered: float = 120.0) -> Ended:
    courier = SendAlimtalk(first(sent), 0.0, WRITE_ALIMTALK, [Second(failure)])
    attempt = AttemptDelivery(Effect.ALIMTALK, courier, RetryPolicy(), jitter=lambda: 0.5)
    delivery = a_delivery(seconds_since_ordered=seconds_since_ordered, may_be_elsewhere=True)
    return attempt(delivery, lambda: True)


@pytest.mark.parametrize(
    ("failure", "call"),
    [
        (ProviderStopped(R.UNEXPECTED_REPLY, "", code="401"), Call(CallOutcome.STOPPED, "401")),
        (
            ReceiverUnavailable(R.RECEIVER_UNREACHABLE, ""),
            Call(CallOutcome.UNAVAILABLE, "RECEIVER_UNREACHABLE"),
        ),
        (OutcomeUnknown(R.NO_REPLY, ""), Call(CallOutcome.UNKNOWN, "NO_REPLY")),
    ],
)
def test_a_question_that_failed_is_kept_beside_the_wait(failure: DeliveryFailed, call: Call) -> None:
    sent: list[str] = []

    ended = attempted(failure, sent)

    assert isinstance(ended.outcome, Postponed)
    assert (ended.outcome.reason, sent) == (R.NOT_CONFIRMED, [])
    # The provider that is to send it has nothing to do with that.
    assert ended.call is None
    assert ended.elsewhere == [CallElsewhere("nhn", Call(call.outcome, call.reason, is_look_up=True))]


@pytest.mark.parametrize(
    ("failure", "seconds_since_ordered", "answers"),
    [(None, 120.0, 1), (ProviderStopped(R.UNEXPECTED_REPLY, "", code="401"), 30.0, 0)],
    ids=["answered", "a fresh order"],
)
def test_what_is_surely_not_elsewhere_is_sent(
    failure: DeliveryFailed | None, seconds_since_ordered: float, answers: int
) -> None:
    sent: list[str] = []

    ended = attempted(failure, sent, seconds_since_ordered)

    assert isinstance(ended.outcome, Delivered)
    assert len(sent) == 1
    # It ends that its questions are refused, if they were.
    answer = CallElsewhere("nhn", Call(CallOutcome.ANSWERED, is_look_up=True))
    assert ended.elsewhere == [answer] * answers
