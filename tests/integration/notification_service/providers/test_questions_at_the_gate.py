"""Asking for results leaves a provider alone that fails, and tells senders what it has learnt."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.ask_for_results import AskForResults
from notification_service.application.forget_refusal import ForgetRefusal
from notification_service.application.record_results import RecordResults
from notification_service.domain.alimtalk_results import ResultState
from notification_service.domain.errors import (
    OutcomeUnknown,
    ProviderStopped,
    ProviderThrottled,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.provider_state import ProviderStatus
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import transactions
from tests.integration.notification_service.limited_work import (
    MeteredProvider,
    consumers,
    set_state,
    state_of,
)
from tests.support.clock import Clock
from tests.support.notification_builders import a_completed_order
from tests.support.provider_double import a_result

UNANSWERED = OutcomeUnknown(FailureReason.NO_REPLY, "")
RUNNING, OPEN, SUSPENDED = ProviderStatus.RUNNING, ProviderStatus.OPEN, ProviderStatus.SUSPENDED


def stopped(code: str) -> ProviderStopped:
    return ProviderStopped(FailureReason.UNEXPECTED_REPLY, "", code=code)


@pytest.fixture
def provider(accept_order_events: AcceptOrderEvents, engine: Engine) -> MeteredProvider:
    """One that has accepted six messages, and is asked about one in a call."""
    accept_order_events([a_completed_order() for _ in range(6)])
    provider = MeteredProvider(accepts_finally=False, results_at_once=1)
    with consumers(engine, provider) as (work,):
        work(StopSignal())
    assert len(provider.sent) == 6
    return provider


def make_results_due(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE delivery SET result_due_at = clock_timestamp() WHERE status = 'ACCEPTED'")
        )


@contextmanager
def asking(
    engine: Engine, provider: MeteredProvider, clock: Callable[[], float] = time.monotonic
) -> Iterator[AskForResults]:
    """With all results due."""
    make_results_due(engine)
    made = transactions(engine)
    with ThreadPoolExecutor(2) as pool:
        yield AskForResults(
            provider,
            made,
            RecordResults(made),
            pool=pool,
            batch_size=10,
            most_calls=10,
            expire_after_seconds=3600.0,
            forget_refusal=ForgetRefusal(provider.name, made, clock_seconds=clock),
        )


@pytest.mark.parametrize(
    ("status", "stopped_by", "calls"),
    [(OPEN, "NULL", 1), (SUSPENDED, "'CALL'", 1), (SUSPENDED, "'RESULT'", 6), (RUNNING, "NULL", 6)],
)
def test_a_provider_that_fails_is_asked_once_at_a_time(
    status: ProviderStatus, stopped_by: str, calls: int, engine: Engine, provider: MeteredProvider
) -> None:
    set_state(engine, provider, status, stopped_by=stopped_by)
    provider.result_failure = UNANSWERED

    with asking(engine, provider) as ask:
        done = ask(StopSignal())

    assert len(provider.questions) == calls
    assert (done.pause_seconds >= 15) is (calls == 1)


@pytest.mark.parametrize("status", [OPEN, SUSPENDED])
def test_questions_go_on_while_a_provider_answers_and_takes_no_message(
    status: ProviderStatus, engine: Engine, provider: MeteredProvider
) -> None:
    set_state(engine, provider, status)

    with asking(engine, provider) as ask:
        pauses = [ask(StopSignal()).pause_seconds for _ in range(2)]
        assert len(provider.questions) == 6
        make_results_due(engine)
        provider.result_failure = UNANSWERED
        ask(StopSignal())
        assert len(provider.questions) == 12
        make_results_due(engine)
        pauses.append(ask(StopSignal()).pause_seconds)
        assert len(provider.questions) == 13

    assert [pause >= 15 for pause in pauses] == [False, False, True]
    assert state_of(engine, provider).status is status


def test_a_provider_that_stops_is_asked_once_though_it_answered_before(
    engine: Engine, provider: MeteredProvider
) -> None:
    with asking(engine, provider) as ask:
        ask(StopSignal())
        assert len(provider.questions) == 6
        set_state(engine, provider, OPEN)
        make_results_due(engine)
        ask(StopSignal())

    assert len(provider.questions) == 7


@pytest.mark.parametrize("code", ["401", "402", "403"])
def test_a_key_that_may_not_ask_is_seen_and_sends(
    code: str, engine: Engine, provider: MeteredProvider
) -> None:
    provider.result_failure = stopped(code)

    with capture_logs() as logs, asking(engine, provider) as ask:
        ask(StopSignal())
    state = state_of(engine, provider)
    with asking(engine, provider) as ask:
        done = ask(StopSignal())
    assert (done.deliveries, done.pause_seconds >= 15) == (1, True)

    assert (state.status, state.results_refused) == (RUNNING, code)
    assert state_of(engine, provider).results_refused == code
    lines = [line for line in logs if line["event"] == "alimtalk_questions_refused"]
    assert [(line["questions"], line["reason"]) for line in lines] == [("results", code)]

    provider.result_failure = None
    with asking(engine, provider) as ask:
        ask(StopSignal())
    assert state_of(engine, provider).results_refused is None


@pytest.mark.parametrize(
    ("reported", "lull_seconds", "code"),
    [(6, 600.0, None), (6, 599.0, "403"), (5, 600.0, "403")],
    ids=["nothing awaited", "for a moment", "one awaited"],
)
def test_a_refusal_ends_when_there_is_nothing_to_ask(
    reported: int, lull_seconds: float, code: str | None, engine: Engine, provider: MeteredProvider
) -> None:
    provider.result_failure = stopped("403")
    with asking(engine, provider) as ask:
        ask(StopSignal())
    assert state_of(engine, provider).results_refused == "403"
    webhooks = [a_result(f"m-{n}", ResultState.DELIVERED) for n in range(1, reported + 1)]
    RecordResults(transactions(engine))(provider.name, webhooks)

    clock = Clock()
    with capture_logs() as logs, asking(engine, provider, clock) as ask:
        ask(StopSignal())
        clock.now += lull_seconds
        ask(StopSignal())

    state = state_of(engine, provider)
    assert (state.status, state.results_refused) == (RUNNING, code)
    assert ("alimtalk_refusal_forgotten" in {line["event"] for line in logs}) is (code is None)


def test_a_lull_begins_anew_with_each_awaited_result(engine: Engine, provider: MeteredProvider) -> None:
    set_state(engine, provider, RUNNING, results_refused="'403'")
    clock = Clock()
    forget = ForgetRefusal(provider.name, transactions(engine), 600.0, clock)
    delivered = "status = 'DELIVERED', result_due_at = NULL, completed_at = clock_timestamp()"
    awaited = "status = 'ACCEPTED', result_due_at = clock_timestamp(), completed_at = NULL"
    for seconds, change in [(0.0, delivered), (300.0, awaited), (300.0, delivered), (599.0, delivered)]:
        clock.now += seconds
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE delivery SET {change} WHERE effect = 'ALIMTALK'"))  # noqa: S608
        forget()
        assert state_of(engine, provider).results_refused == "403"

    clock.now += 1.0
    forget()
    assert state_of(engine, provider).results_refused is None


NO_LOOK_UP = "status = 'DELIVERED', attempts = 2, due_at = NULL, completed_at = clock_timestamp()"
FIRST_ATTEMPT = """status = 'SENDING', attempts = 1, claim_id = gen_random_uuid(), completed_at = NULL,
                   due_at = clock_timestamp() + interval '1 hour'"""
LOOK_UPS = {
    "the second attempt": FIRST_ATTEMPT.replace("attempts = 1", "attempts = 2"),
    "a lease that expired": FIRST_ATTEMPT.replace("interval '1 hour'", "interval '0'"),
    "of unknown outcome": """status = 'UNKNOWN', attempts = 1, claim_id = NULL, completed_at = NULL,
                             due_at = 'infinity'""",
    "to be sent again": """status = 'PENDING', attempts = 1, claim_id = NULL, completed_at = NULL,
                           due_at = 'infinity'""",
}


def change_alimtalk(engine: Engine, change: str) -> None:
    awaits_nothing = "result_due_at = NULL, provider = 'nhn'"
    statement = f"UPDATE delivery SET {change}, {awaits_nothing} WHERE effect = 'ALIMTALK'"  # noqa: S608
    with engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize("change", [NO_LOOK_UP, FIRST_ATTEMPT], ids=["all is sent", "sent at once"])
def test_refused_look_ups_end_when_nothing_is_looked_up(
    change: str, engine: Engine, provider: MeteredProvider
) -> None:
    set_state(engine, provider, RUNNING, look_ups_refused="'403'", results_refused="'401'")
    clock = Clock()

    with capture_logs() as logs, asking(engine, provider, clock) as ask:
        change_alimtalk(engine, change)
        ask(StopSignal())
        clock.now += 599.0
        ask(StopSignal())
        assert state_of(engine, provider).look_ups_refused == "403"
        clock.now += 1.0
        ask(StopSignal())

    assert not state_of(engine, provider).refuses_questions
    forgotten = [line for line in logs if line["event"] == "alimtalk_refusal_forgotten"]
    assert [(line["questions"], line["reason"]) for line in forgotten] == [
        ("look-ups", "403"),
        ("results", "401"),
    ]


@pytest.mark.parametrize("change", LOOK_UPS.values(), ids=LOOK_UPS)
def test_refused_look_ups_last_while_one_is_due(
    change: str, engine: Engine, provider: MeteredProvider
) -> None:
    set_state(engine, provider, RUNNING, look_ups_refused="'403'", results_refused="'401'")
    clock = Clock()
    forget = ForgetRefusal(provider.name, transactions(engine), 600.0, clock)

    change_alimtalk(engine, change)
    forget()
    clock.now += 600.0
    forget()

    # The one kind of questions says nothing of the other.
    state = state_of(engine, provider)
    assert (state.look_ups_refused, state.results_refused) == ("403", None)


def test_questions_that_fail_do_not_stop_sending(engine: Engine, provider: MeteredProvider) -> None:
    provider.result_failure = OutcomeUnknown(FailureReason.NO_REPLY, "")

    with asking(engine, provider) as ask:
        ask(StopSignal())

    state = state_of(engine, provider)
    assert (state.status, state.refuses_questions) == (RUNNING, False)


def test_too_many_questions_hold_all_calls(engine: Engine, provider: MeteredProvider) -> None:
    provider.result_failure = ProviderThrottled(FailureReason.RECEIVER_BUSY, "", retry_after_seconds=30.0)

    with asking(engine, provider) as ask:
        done = ask(StopSignal())

    assert 25 < state_of(engine, provider).wait_seconds <= 30
    assert done.pause_seconds == 30
