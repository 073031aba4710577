"""A key that may send and not ask: what surely was not sent goes on, all else waits; one state says so."""

from dataclasses import dataclass, replace

import pytest

from notification_service.application.attempt_delivery import AttemptDelivery, Ended
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.attempt import Delivered, RetryLater, Unclear
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.delivery import ClaimedDelivery, Effect
from notification_service.domain.errors import LookUpRefused, ProviderStopped
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.provider_call import Call, CallOutcome, call_of_failure
from notification_service.domain.provider_state import (
    ProbePolicy,
    ProviderState,
    ProviderStatus,
    StoppedBy,
    after_calls,
    after_results,
    resumed,
    running,
    suspended,
)
from notification_service.domain.retry_policy import RetryPolicy
from servicekit.identifiers import uuid7
from tests.support.notification_builders import WRITE_ALIMTALK, a_delivery
from tests.support.provider_double import ProviderDouble

POLICY = ProbePolicy()
RUNNING = ProviderState("nhn")
ACCEPTED = Call(CallOutcome.ACCEPTED)
ANSWERED = Call(CallOutcome.ANSWERED, is_look_up=True)
REFUSED = Call(CallOutcome.STOPPED, "403", is_look_up=True)
REFUSED_OTHERWISE = replace(REFUSED, reason="401")
STOPPED = Call(CallOutcome.STOPPED, "-1017")
PROBE = uuid7()


@dataclass
class SendsOnly(ProviderDouble):
    """A provider whose key may not ask."""

    name: str = "nhn"
    accepts_finally: bool = True

    def find(self, message: AlimtalkMessage) -> str | None:
        raise ProviderStopped(FailureReason.UNEXPECTED_REPLY, "403", code="403")


def attempted(provider: ProviderDouble, delivery: ClaimedDelivery, *, is_alone: bool = False) -> Ended:
    others = [] if is_alone else [ProviderDouble("solapi")]
    courier = SendAlimtalk(provider, 0.0, WRITE_ALIMTALK, others)
    return AttemptDelivery(Effect.ALIMTALK, courier, RetryPolicy(), lambda: 0.5)(delivery, lambda: True)


SURELY_NOT_SENT = replace(a_delivery(attempt=2, seconds_since_ordered=600.0), may_be_here=False)
DOUBTFUL = {
    "possibly sent": replace(SURELY_NOT_SENT, provider="nhn", seconds_since_possibly_sent=600.0),
    "forgotten": replace(SURELY_NOT_SENT, may_be_here=True),
    "to be looked up": replace(SURELY_NOT_SENT, purpose=Purpose.LOOK_UP),
}


def test_what_surely_was_not_sent_is_sent_without_the_answer() -> None:
    provider = SendsOnly()

    ended = attempted(provider, SURELY_NOT_SENT)

    assert isinstance(ended.outcome, Delivered)
    assert len(provider.sent) == 1
    assert ended.calls == [REFUSED, ACCEPTED]


@pytest.mark.parametrize("delivery", DOUBTFUL.values(), ids=DOUBTFUL)
def test_what_may_have_been_sent_waits_for_the_answer(delivery: ClaimedDelivery) -> None:
    provider = SendsOnly()

    ended = attempted(provider, delivery)

    assert isinstance(ended.outcome, RetryLater | Unclear)
    assert (ended.outcome.reason, ended.outcome.possibly_sent) == (FailureReason.NOT_CONFIRMED, False)
    assert (provider.sent, ended.calls) == ([], [REFUSED])


def test_without_another_provider_doubtful_answers_rely_on_the_look_up() -> None:
    provider = SendsOnly()

    ended = attempted(provider, SURELY_NOT_SENT, is_alone=True)

    assert isinstance(ended.outcome, RetryLater)
    assert (provider.sent, ended.calls) == ([], [REFUSED])


def test_an_answer_before_the_sending_is_kept() -> None:
    assert attempted(ProviderDouble("nhn"), SURELY_NOT_SENT).calls == [ANSWERED, ACCEPTED]


def test_a_refused_look_up_says_nothing_of_sending() -> None:
    failure = LookUpRefused(FailureReason.NOT_CONFIRMED, "", code="403")

    assert call_of_failure(failure) == REFUSED


def test_a_key_that_may_only_send_ends_in_one_state() -> None:
    states = [RUNNING]
    for calls in [[REFUSED], [ACCEPTED], [REFUSED, ACCEPTED], [REFUSED_OTHERWISE], [ACCEPTED] * 3] * 10:
        states.append(after_calls(states[-1], calls, None, POLICY))

    assert set(states[1:]) == {replace(RUNNING, look_ups_refused="403")}
    assert states[-1].refuses_questions


def test_an_answered_look_up_ends_it() -> None:
    refusing = after_calls(RUNNING, [REFUSED], None, POLICY)

    assert after_calls(refusing, [ANSWERED], None, POLICY) == RUNNING
    # Among others, a single one that is refused shows that the key isn't mended.
    assert after_calls(refusing, [ANSWERED, REFUSED, ANSWERED], None, POLICY) == refusing


@pytest.mark.parametrize("status", [ProviderStatus.RUNNING, ProviderStatus.SUSPENDED])
def test_a_refused_look_up_neither_hides_nor_ends_a_suspension(status: ProviderStatus) -> None:
    state = RUNNING
    if status is ProviderStatus.SUSPENDED:
        state = suspended(RUNNING, "-1017", StoppedBy.CALL, POLICY)

    stopped = after_calls(state, [REFUSED, STOPPED, REFUSED], None, POLICY)

    assert (stopped.status, stopped.reason) == (ProviderStatus.SUSPENDED, "-1017")
    assert stopped.look_ups_refused == "403"
    probing = replace(stopped, probe_id=PROBE, probe_in_seconds=20.0)
    assert after_calls(probing, [REFUSED], PROBE, POLICY).status is ProviderStatus.SUSPENDED
    ended = after_calls(probing, [REFUSED, ACCEPTED], PROBE, POLICY)
    assert (ended.status, ended.look_ups_refused) == (ProviderStatus.RUNNING, "403")


def test_a_probe_whose_look_up_is_refused_leaves_a_pause_to_the_next() -> None:
    state = ProviderState("nhn", ProviderStatus.OPEN, probe_id=PROBE, probe_in_seconds=20.0)

    probed = after_calls(state, [REFUSED], PROBE, POLICY)

    assert (probed.status, probed.probe_id) == (ProviderStatus.OPEN, None)
    assert probed.probe_in_seconds == POLICY.first_seconds


def test_refused_look_ups_do_not_stop_a_process() -> None:
    assert not POLICY.ends_flow([REFUSED] * 50)
    assert POLICY.ends_flow([REFUSED, STOPPED])


def test_refused_results_are_a_state_of_their_own() -> None:
    refused = Call(CallOutcome.STOPPED, "401")
    state = after_calls(after_results(RUNNING, [refused]), [ANSWERED, ACCEPTED], None, POLICY)

    assert state == replace(RUNNING, results_refused="401")
    assert after_results(state, [Call(CallOutcome.UNKNOWN, "NO_REPLY")]) == state
    assert after_results(state, [Call(CallOutcome.ANSWERED)]) == RUNNING


def test_an_operator_ends_it_and_a_closing_breaker_does_not() -> None:
    state = replace(RUNNING, look_ups_refused="403", results_refused="401")

    assert running(replace(state, status=ProviderStatus.OPEN)) == state
    assert resumed(state) == RUNNING
