"""When a provider's breaker opens and closes, and what suspends it."""

from dataclasses import replace

import pytest

from notification_service.domain.provider_call import Call, CallOutcome
from notification_service.domain.provider_state import (
    ProbePolicy,
    ProviderState,
    ProviderStatus,
    StoppedBy,
    after_calls,
    pause_asked_for,
    suspended,
)
from servicekit.identifiers import uuid7

POLICY = ProbePolicy(failures_to_open=3)
RUNNING = ProviderState("nhn")
ACCEPTED, ANSWERED = Call(CallOutcome.ACCEPTED), Call(CallOutcome.ANSWERED)
DOWN = Call(CallOutcome.UNAVAILABLE, "RECEIVER_UNREACHABLE")
LOST = Call(CallOutcome.UNKNOWN, "NO_REPLY")
THROTTLED = Call(CallOutcome.THROTTLED, "RECEIVER_BUSY", retry_after_seconds=7.0)
STOPPED = Call(CallOutcome.STOPPED, "-1017")
PROBE = uuid7()


def probing(state: ProviderState) -> ProviderState:
    """The state while a process makes the probe PROBE."""
    return replace(state, probe_id=PROBE, probe_in_seconds=20.0)


OPEN = after_calls(RUNNING, [DOWN] * 3, None, POLICY)
SUSPENDED = after_calls(RUNNING, [STOPPED], None, POLICY)


def test_calls_that_fail_in_a_row_open_the_breaker() -> None:
    two = after_calls(RUNNING, [DOWN, LOST], None, POLICY)

    assert (two.status, two.failures) == (ProviderStatus.RUNNING, 2)
    opened = after_calls(two, [LOST], None, POLICY)
    assert (opened.status, opened.reason) == (ProviderStatus.OPEN, "NO_REPLY")
    assert opened.probe_in_seconds == POLICY.first_seconds


@pytest.mark.parametrize("answer", [ACCEPTED, ANSWERED])
def test_an_answer_between_failures_keeps_the_breaker_closed(answer: Call) -> None:
    state = after_calls(RUNNING, [DOWN, DOWN, answer, DOWN, DOWN], None, POLICY)

    assert (state.status, state.failures) == (ProviderStatus.RUNNING, 2)


def test_being_throttled_is_no_failure_and_no_answer() -> None:
    assert after_calls(RUNNING, [DOWN, DOWN, THROTTLED], None, POLICY).failures == 2


def test_calls_from_before_neither_close_nor_reopen_a_breaker() -> None:
    assert after_calls(OPEN, [ACCEPTED], None, POLICY) == OPEN
    assert after_calls(probing(OPEN), [DOWN], uuid7(), POLICY) == probing(OPEN)


@pytest.mark.parametrize("answer", [ACCEPTED, ANSWERED, THROTTLED])
def test_a_probe_that_is_answered_closes_the_breaker(answer: Call) -> None:
    assert after_calls(probing(OPEN), [answer], PROBE, POLICY) == RUNNING


def test_probes_that_fail_come_more_and_more_seldom() -> None:
    state, pauses = OPEN, []
    for _ in range(6):
        state = after_calls(probing(state), [DOWN], PROBE, POLICY)
        pauses.append(state.probe_in_seconds)

    assert pauses == [2.0, 4.0, 8.0, 15.0, 15.0, 15.0]
    assert (state.status, state.probe_id) == (ProviderStatus.OPEN, None)


def test_a_probe_that_called_nothing_leaves_its_turn_to_the_next() -> None:
    state = after_calls(probing(OPEN), [], PROBE, POLICY)

    assert (state.status, state.probe_id, state.probe_in_seconds) == (ProviderStatus.OPEN, None, 0.0)


@pytest.mark.parametrize("state", [RUNNING, OPEN, probing(OPEN)])
def test_a_code_that_only_a_human_mends_suspends_at_once(state: ProviderState) -> None:
    stopped = after_calls(state, [ACCEPTED, STOPPED, ACCEPTED], None, POLICY)

    assert (stopped.status, stopped.reason) == (ProviderStatus.SUSPENDED, "-1017")
    assert (stopped.stopped_by, stopped.probe_in_seconds) == (StoppedBy.CALL, POLICY.suspended_seconds)


def test_an_accepted_probe_ends_a_suspension() -> None:
    assert after_calls(probing(SUSPENDED), [ACCEPTED], PROBE, POLICY) == RUNNING


def test_an_accepted_probe_does_not_end_what_a_result_began() -> None:
    state = suspended(RUNNING, "4156", StoppedBy.RESULT, POLICY)

    accepted = after_calls(probing(state), [ACCEPTED], PROBE, POLICY)
    stopped = after_calls(accepted, [STOPPED], None, POLICY)

    assert (accepted.status, accepted.probe_in_seconds) == (ProviderStatus.SUSPENDED, 60.0)
    assert stopped.stopped_by is StoppedBy.RESULT


def test_an_answer_about_one_message_does_not_end_a_suspension() -> None:
    state = after_calls(probing(SUSPENDED), [ANSWERED], PROBE, POLICY)

    assert (state.status, state.probe_in_seconds) == (ProviderStatus.SUSPENDED, POLICY.first_seconds)


def test_all_wait_as_long_as_the_provider_asks_for_and_not_for_ever() -> None:
    busy = Call(CallOutcome.UNAVAILABLE, "RECEIVER_BUSY", retry_after_seconds=10_000.0)

    assert pause_asked_for([ACCEPTED, DOWN], POLICY) == 0
    assert pause_asked_for([THROTTLED, ACCEPTED], POLICY) == 7
    assert pause_asked_for([Call(CallOutcome.THROTTLED)], POLICY) == POLICY.first_seconds
    assert pause_asked_for([THROTTLED, busy], POLICY) == 300


@pytest.mark.parametrize(
    ("calls", "ends"),
    [
        ([ACCEPTED, DOWN, DOWN, ACCEPTED, DOWN], False),
        ([ACCEPTED, DOWN, DOWN, LOST], True),
        ([STOPPED, ACCEPTED], True),
        ([THROTTLED, ACCEPTED], True),
    ],
)
def test_one_process_stops_without_asking_the_others(calls: list[Call], ends: bool) -> None:
    assert POLICY.ends_flow(calls) is ends
