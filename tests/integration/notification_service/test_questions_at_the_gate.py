"""Asking for results leaves a provider alone that fails, and tells senders what it has learnt."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from notification_service.application.accept_completed_orders import AcceptCompletedOrders
from notification_service.application.ask_for_results import AskForResults
from notification_service.application.record_results import RecordResults
from notification_service.domain.errors import (
    OutcomeUnknown,
    ProviderStopped,
    ProviderThrottled,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.provider_state import ProviderStatus
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.builders import a_completed_order
from tests.integration.notification_service.effect_work import transactions
from tests.integration.notification_service.limited_work import (
    MeteredProvider,
    consumers,
    set_state,
    state_of,
)

RUNNING, OPEN, SUSPENDED = ProviderStatus.RUNNING, ProviderStatus.OPEN, ProviderStatus.SUSPENDED


def stopped(code: str) -> ProviderStopped:
    return ProviderStopped(FailureReason.UNEXPECTED_REPLY, "", code=code)


@pytest.fixture
def provider(accept_completed_orders: AcceptCompletedOrders, engine: Engine) -> MeteredProvider:
    """One that has accepted six messages, and is asked about one in a call."""
    accept_completed_orders([a_completed_order() for _ in range(6)])
    provider = MeteredProvider(accepts_finally=False, results_at_once=1)
    with consumers(engine, provider) as (work,):
        work(StopSignal())
    assert len(provider.sent) == 6
    return provider


@contextmanager
def asking(engine: Engine, provider: MeteredProvider) -> Iterator[AskForResults]:
    """With all results due."""
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE delivery SET result_due_at = clock_timestamp() WHERE status = 'ACCEPTED'")
        )
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
        )


@pytest.mark.parametrize(
    ("status", "stopped_by", "calls"),
    [(OPEN, "NULL", 1), (SUSPENDED, "'CALL'", 1), (SUSPENDED, "'RESULT'", 6), (RUNNING, "NULL", 6)],
)
def test_a_provider_that_fails_is_asked_once_at_a_time(
    status: ProviderStatus, stopped_by: str, calls: int, engine: Engine, provider: MeteredProvider
) -> None:
    set_state(engine, provider, status, stopped_by=stopped_by)

    with asking(engine, provider) as ask:
        done = ask(StopSignal())

    assert len(provider.questions) == calls
    assert (done.pause_seconds >= 15) is (calls == 1)


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
