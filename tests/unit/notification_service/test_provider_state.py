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
from notification_service.domain.throttling import Throttling
from servicekit.identifiers import uuid7

POLICY = ProbePolicy(failures_to_open=3, unclear_to_open=5, throttled_seconds_to_open=60.0)
RUNNING = ProviderState("nhn")
ACCEPTED, ANSWERED = Call(CallOutcome.ACCEPTED), Call(CallOutcome.ANSWERED)
FOUND = Call(CallOutcome.ANSWERED, is_look_up=True)
DOWN = Call(CallOutcome.UNAVAILABLE, "RECEIVER_UNREACHABLE")
LOST = Call(CallOutcome.UNKNOWN, "NO_REPLY")
THROTTLED = Call(CallOutcome.THROTTLED, "RECEIVER_BUSY", retry_after_seconds=7.0)
UNCLEAR = Call(CallOutcome.UNCLEAR, "UNEXPECTED_REPLY")
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


def test_look_ups_that_are_answered_hide_no_failures_of_sends() -> None:
    opened = after_calls(RUNNING, [LOST, FOUND, LOST, FOUND, LOST], None, POLICY)

    assert opened.status is ProviderStatus.OPEN
    assert POLICY.ends_flow([LOST, FOUND, LOST, FOUND, LOST])


def test_an_answered_look_up_leaves_the_breaker_to_the_next_probe() -> None:
    state = after_calls(probing(OPEN), [FOUND], PROBE, POLICY)

    assert (state.status, state.probe_id, state.probe_in_seconds) == (ProviderStatus.OPEN, None, 0.0)


def test_look_ups_that_fail_open_the_breaker() -> None:
    lost = replace(LOST, is_look_up=True)

    assert after_calls(RUNNING, [lost] * 3, None, POLICY).status is ProviderStatus.OPEN


@pytest.mark.parametrize("answer", [THROTTLED, UNCLEAR])
def test_an_inconclusive_answer_is_no_failure_and_hides_none(answer: Call) -> None:
    assert after_calls(RUNNING, [DOWN, DOWN, answer], None, POLICY).failures == 2
    assert after_calls(RUNNING, [DOWN, DOWN, answer, DOWN], None, POLICY).status is ProviderStatus.OPEN


def test_many_answers_of_unknown_outcome_in_a_row_open_the_breaker() -> None:
    four = after_calls(RUNNING, [UNCLEAR, FOUND, UNCLEAR, THROTTLED, UNCLEAR, UNCLEAR], None, POLICY)

    assert (four.status, four.unclear_answers) == (ProviderStatus.RUNNING, 4)
    opened = after_calls(four, [UNCLEAR], None, POLICY)
    assert (opened.status, opened.reason) == (ProviderStatus.OPEN, "UNEXPECTED_REPLY")


@pytest.mark.parametrize("answer", [ACCEPTED, ANSWERED])
def test_an_answer_among_those_of_unknown_outcome_ends_their_row(answer: Call) -> None:
    state = after_calls(RUNNING, [UNCLEAR] * 4 + [answer] + [UNCLEAR] * 4, None, POLICY)

    assert (state.status, state.unclear_answers) == (ProviderStatus.RUNNING, 4)


def after_seconds(state: ProviderState, seconds: float) -> ProviderState:
    """The state as the database has it so much later."""
    row = state.throttling
    assert row is not None
    later = replace(row, seconds=row.seconds + seconds, silent_seconds=row.silent_seconds + seconds)
    return replace(state, throttling=later)


def throttled_after(*pauses: float, answer: Call = THROTTLED) -> ProviderState:
    """The state after a 429, and one more after each of these pauses."""
    state = after_calls(RUNNING, [answer], None, POLICY)
    for seconds in pauses:
        state = after_calls(after_seconds(state, seconds), [answer], None, POLICY)
    return state


def test_being_throttled_alone_for_a_minute_opens_the_breaker() -> None:
    state = after_calls(RUNNING, [THROTTLED] * 50, None, POLICY)
    assert (state.status, state.throttling) == (ProviderStatus.RUNNING, Throttling(50, 0.0, -7.0))
    state = after_calls(after_seconds(state, 30.0), [THROTTLED], None, POLICY)
    state = after_calls(after_seconds(state, 29.0), [THROTTLED], None, POLICY)
    assert state.status is ProviderStatus.RUNNING
    state = after_seconds(state, 1.0)
    assert after_calls(state, [FOUND], None, POLICY) == state

    opened = after_calls(state, [THROTTLED], None, POLICY)

    assert (opened.status, opened.reason) == (ProviderStatus.OPEN, "RECEIVER_BUSY")
    # Not before the pause that the provider asks for.
    assert opened.probe_in_seconds == 7.0


@pytest.mark.parametrize("pauses", [[60.0], [60.0] * 20, [61.0, 3_600.0], [20.0, 61.0, 20.0]])
def test_429_that_are_a_minute_apart_open_nothing(pauses: list[float]) -> None:
    assert throttled_after(*pauses).status is ProviderStatus.RUNNING


def test_two_429_open_nothing_however_long_their_pause() -> None:
    hour = replace(THROTTLED, retry_after_seconds=3_600.0)

    assert throttled_after(300.0, answer=hour).status is ProviderStatus.RUNNING
    # A pause that the provider asks for is no silence of ours.
    assert throttled_after(300.0, 300.0, answer=hour).status is ProviderStatus.OPEN


@pytest.mark.parametrize("failure", [DOWN, UNCLEAR])
def test_a_failure_long_after_429_does_not_count_as_one(failure: Call) -> None:
    quiet = after_seconds(throttled_after(20.0, 20.0), 600.0)

    assert after_calls(quiet, [failure], None, POLICY).status is ProviderStatus.RUNNING


@pytest.mark.parametrize("answer", [ACCEPTED, ANSWERED])
def test_a_limit_that_lets_messages_through_opens_nothing(answer: Call) -> None:
    throttled = after_seconds(throttled_after(20.0, 20.0), 30.0)

    assert after_calls(throttled, [answer], None, POLICY) == RUNNING
    again = after_calls(throttled, [answer, THROTTLED], None, POLICY)
    assert (again.status, again.throttling) == (ProviderStatus.RUNNING, Throttling(1, 0.0, -7.0))


def test_calls_from_before_neither_close_nor_reopen_a_breaker() -> None:
    assert after_calls(OPEN, [ACCEPTED], None, POLICY) == OPEN
    assert after_calls(probing(OPEN), [DOWN], uuid7(), POLICY) == probing(OPEN)


@pytest.mark.parametrize("answer", [ACCEPTED, ANSWERED])
def test_a_probe_that_is_answered_closes_the_breaker(answer: Call) -> None:
    assert after_calls(probing(OPEN), [answer], PROBE, POLICY) == RUNNING


@pytest.mark.parametrize(("answer", "pause_seconds"), [(UNCLEAR, 2.0), (THROTTLED, 7.0)])
def test_a_probe_that_is_answered_inconclusively_closes_nothing(answer: Call, pause_seconds: float) -> None:
    state = after_calls(probing(OPEN), [answer], PROBE, POLICY)

    assert (state.status, state.failed_probes) == (ProviderStatus.OPEN, 1)
    assert (state.reason, state.probe_in_seconds) == (answer.reason, pause_seconds)


def test_a_breaker_that_closes_has_forgotten_what_opened_it() -> None:
    opened = after_calls(RUNNING, [THROTTLED] + [UNCLEAR] * 5, None, POLICY)

    assert opened.status is ProviderStatus.OPEN
    assert after_calls(probing(opened), [ACCEPTED], PROBE, POLICY) == RUNNING


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


@pytest.mark.parametrize(
    ("answer", "pause_seconds"),
    # The next probe would bind another message, too.
    [(ANSWERED, POLICY.first_seconds), (UNCLEAR, POLICY.suspended_seconds)],
)
def test_an_answer_about_one_message_ends_no_suspension(answer: Call, pause_seconds: float) -> None:
    state = after_calls(probing(SUSPENDED), [answer], PROBE, POLICY)

    assert (state.status, state.probe_in_seconds) == (ProviderStatus.SUSPENDED, pause_seconds)


def test_all_wait_as_long_as_the_provider_asks_for_and_not_for_ever() -> None:
    busy = Call(CallOutcome.UNAVAILABLE, "RECEIVER_BUSY", retry_after_seconds=10_000.0)

    assert pause_asked_for([ACCEPTED, DOWN], POLICY) == 0
    assert pause_asked_for([THROTTLED, ACCEPTED], POLICY) == 7
    assert pause_asked_for([Call(CallOutcome.THROTTLED)], POLICY) == POLICY.first_seconds
    assert pause_asked_for([THROTTLED, busy], POLICY) == 300


def test_a_provider_that_asks_for_no_pause_gets_one() -> None:
    at_once = replace(THROTTLED, retry_after_seconds=0.0)

    assert pause_asked_for([at_once], POLICY) == POLICY.first_seconds


@pytest.mark.parametrize(
    ("calls", "ends"),
    [
        ([ACCEPTED, DOWN, DOWN, ACCEPTED, DOWN], False),
        ([ACCEPTED, DOWN, DOWN, LOST], True),
        ([STOPPED, ACCEPTED], True),
        ([THROTTLED, ACCEPTED], True),
        ([UNCLEAR] * 4 + [ACCEPTED, UNCLEAR], False),
        ([UNCLEAR] * 5, True),
    ],
)
def test_one_process_stops_without_asking_the_others(calls: list[Call], ends: bool) -> None:
    assert POLICY.ends_flow(calls) is ends
