"""What only a human can mend stops a provider for all consumers, whether a call or a result says so."""

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from notification_service.application.record_results import RecordResults
from notification_service.application.resume_provider import ResumeProvider, ResumeProviderCommand
from notification_service.domain.alimtalk_results import ResultState
from notification_service.domain.attempt import RetryLater
from notification_service.domain.attempt_history import AttemptOutcome
from notification_service.domain.delivery import Delivery, DeliveryStatus, Effect
from notification_service.domain.errors import OutcomeUnknown, ProviderStopped
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.order_event import OrderEvent
from notification_service.domain.provider_state import ProviderState, ProviderStatus, StoppedBy
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import delivery_of, transactions
from tests.integration.notification_service.limited_work import (
    NO_PROBES,
    TWO_AT_ONCE,
    MeteredProvider,
    alimtalk_statuses,
    attempted,
    consumers,
    make_due,
    make_unknown_due,
    only_first,
    running,
    set_state,
    state_of,
)
from tests.support.provider_double import a_result
from tests.support.waiting import wait_until

VOLUME_EXCEEDED = ProviderStopped(
    FailureReason.UNEXPECTED_REPLY, "NHN answered with code -1017", code="-1017"
)
LOST = OutcomeUnknown(FailureReason.NO_REPLY, "the reply was lost")
SUSPENDED, RUNNING = ProviderStatus.SUSPENDED, ProviderStatus.RUNNING
NHN_VOLUME, NHN_RETRY = "4156", "9998"


def resume(engine: Engine, name: str, reason: str) -> bool:
    return ResumeProvider(transactions(engine))(ResumeProviderCommand(name, "kim", reason))


@pytest.fixture
def provider(orders: list[OrderEvent]) -> MeteredProvider:
    """One that reports results later."""
    return MeteredProvider(accepts_finally=False)


def test_one_code_stops_all_consumers_and_is_logged(engine: Engine, provider: MeteredProvider) -> None:
    provider.failures = [VOLUME_EXCEEDED]

    with (
        capture_logs() as logs,
        consumers(engine, provider, 2, policy=NO_PROBES, per_second=TWO_AT_ONCE) as (one, other),
    ):
        one(StopSignal())
        assert other(StopSignal()).deliveries == 0

    state = state_of(engine, provider)
    assert (state.status, state.reason, state.stopped_by) == (SUSPENDED, "-1017", StoppedBy.CALL)
    assert len(provider.called_at) == attempted(engine) == 1
    assert alimtalk_statuses(engine) == {"PENDING": 6}
    (log,) = [log for log in logs if log["event"] == "alimtalk_provider_suspended"]
    assert (log["log_level"], log["provider"], log["reason"]) == ("error", "nhn", "-1017")


def test_one_message_at_a_time_finds_the_cure(engine: Engine, provider: MeteredProvider) -> None:
    provider.failures = [VOLUME_EXCEEDED] * 3

    with consumers(engine, provider, per_second=40.0) as effects, running(effects):
        wait_until(lambda: state_of(engine, provider).status is SUSPENDED, "the suspension")
        wait_until(lambda: len(provider.sent) == 6, "all to be sent")

    assert state_of(engine, provider).status is RUNNING
    assert alimtalk_statuses(engine) == {"ACCEPTED": 6}


def test_a_message_that_is_only_found_does_not_end_a_suspension(
    engine: Engine, provider: MeteredProvider
) -> None:
    provider.failures, provider.accepts_silently = [LOST], True
    with consumers(engine, provider, policy=NO_PROBES, per_second=1.0) as (work,):
        only_first(engine)
        work(StopSignal())
        assert alimtalk_statuses(engine)["UNKNOWN"] == 1
        set_state(engine, provider, SUSPENDED)
        make_unknown_due(engine)
        assert work(StopSignal()).deliveries == 1

    assert alimtalk_statuses(engine)["ACCEPTED"] == 1
    assert state_of(engine, provider).status is SUSPENDED


def test_what_was_sent_before_a_suspension_does_not_end_it_when_found(
    engine: Engine, provider: MeteredProvider
) -> None:
    only_first(engine)
    provider.failures, provider.accepts_silently = [LOST], True
    with consumers(engine, provider, policy=NO_PROBES) as (work,):
        work(StopSignal())
        suspend_by_result(engine, provider)
        make_unknown_due(engine)
        work(StopSignal())
    assert alimtalk_statuses(engine)["ACCEPTED"] == 1

    report(engine, "1000", ResultState.DELIVERED, "m-1")

    assert state_of(engine, provider).status is SUSPENDED


def suspend_by_result(engine: Engine, provider: MeteredProvider) -> None:
    set_state(engine, provider, SUSPENDED, stopped_by="'RESULT'", since="clock_timestamp()")


def accept_first(engine: Engine, provider: MeteredProvider) -> None:
    """The provider accepts a first message, m-1."""
    only_first(engine)
    with consumers(engine, provider) as (work,):
        work(StopSignal())
    assert provider.sent[0] == str(min(provider.sent))


def report(
    engine: Engine, code: str, state: ResultState = ResultState.FAILED, message_id: str = "m-1"
) -> None:
    RecordResults(transactions(engine))("nhn", [a_result(message_id, state, code=code)])


def first(engine: Engine, orders: list[OrderEvent]) -> Delivery:
    return delivery_of(engine, min(orders, key=lambda order: order.event_id), Effect.ALIMTALK)


def seconds_until_due(engine: Engine, delivery: Delivery) -> float:
    statement = text(
        "SELECT EXTRACT(epoch FROM due_at - clock_timestamp()) FROM delivery WHERE delivery_id = :id"
    )
    with engine.connect() as connection:
        return float(connection.execute(statement, {"id": delivery.delivery_id}).scalar_one())


@pytest.mark.parametrize("code", [NHN_VOLUME, NHN_RETRY])
def test_a_result_by_no_fault_of_the_message_lets_it_wait(
    code: str, engine: Engine, provider: MeteredProvider, orders: list[OrderEvent]
) -> None:
    accept_first(engine, provider)

    # A webhook may come twice.
    report(engine, code)
    report(engine, code)

    delivery = first(engine, orders)
    assert (delivery.status, delivery.last_error) == (DeliveryStatus.PENDING, FailureReason.NOT_DELIVERED)
    # NHN refuses a second message with the same key within ten minutes.
    assert 600 < seconds_until_due(engine, delivery) < 660
    (attempt,) = delivery.history
    assert (attempt.outcome, attempt.reason) == (AttemptOutcome.ACCEPTED, FailureReason.NOT_DELIVERED)
    expected = SUSPENDED if code == NHN_VOLUME else RUNNING
    assert state_of(engine, provider).status is expected


def test_what_a_result_made_pending_is_sent_as_another_message(
    engine: Engine, provider: MeteredProvider, orders: list[OrderEvent]
) -> None:
    accept_first(engine, provider)
    report(engine, NHN_RETRY)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE delivery SET due_at = clock_timestamp() WHERE status = 'PENDING'"
                " AND reference IS NULL AND attempts = 1"
            )
        )

    with consumers(engine, provider) as (work,):
        work(StopSignal())
    report(engine, "1000", ResultState.DELIVERED, "m-2")

    assert first(engine, orders).status == DeliveryStatus.DELIVERED
    assert provider.sent.count(provider.sent[0]) == 2


def test_a_message_that_failed_too_often_has_failed(
    engine: Engine, provider: MeteredProvider, orders: list[OrderEvent]
) -> None:
    accept_first(engine, provider)
    add_failed_messages(engine, 4)

    report(engine, NHN_RETRY)

    assert first(engine, orders).status == DeliveryStatus.FAILED


def add_failed_messages(engine: Engine, number: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO delivery_attempt (delivery_id, number, provider, purpose, began_at, ended_at,"
                " outcome, reason, message_id) SELECT delivery_id, number, 'nhn', 'SEND', clock_timestamp(),"
                " clock_timestamp(), 'ACCEPTED', 'NOT_DELIVERED', 'f-' || number"
                " FROM delivery, generate_series(11, 10 + :number) AS number WHERE status = 'ACCEPTED'"
            ),
            {"number": number},
        )


def test_look_ups_do_not_count_as_messages_that_failed(
    engine: Engine, provider: MeteredProvider, orders: list[OrderEvent]
) -> None:
    accept_first(engine, provider)
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET attempts = 9 WHERE status = 'ACCEPTED'"))

    report(engine, NHN_RETRY)

    assert first(engine, orders).status == DeliveryStatus.PENDING


def test_while_the_account_is_at_fault_messages_may_fail_for_long(
    engine: Engine, provider: MeteredProvider, orders: list[OrderEvent]
) -> None:
    accept_first(engine, provider)
    add_failed_messages(engine, 20)

    report(engine, NHN_VOLUME)

    assert first(engine, orders).status == DeliveryStatus.PENDING


@pytest.mark.parametrize(
    ("attempts", "age", "expected"),
    [
        (10, "24 hours", DeliveryStatus.FAILED),
        (10, "23 hours", DeliveryStatus.PENDING),
        (9, "3 days", DeliveryStatus.PENDING),
    ],
)
def test_a_fault_of_the_account_sends_no_message_for_ever(
    attempts: int,
    age: str,
    expected: DeliveryStatus,
    engine: Engine,
    provider: MeteredProvider,
    orders: list[OrderEvent],
) -> None:
    accept_first(engine, provider)
    # More than the messages of which the provider itself fails so many.
    add_failed_messages(engine, 5)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE delivery SET attempts = :attempts,"
                " first_attempted_at = clock_timestamp() - CAST(:age AS interval) WHERE status = 'ACCEPTED'"
            ),
            {"attempts": attempts, "age": age},
        )

    report(engine, NHN_VOLUME)

    assert first(engine, orders).status == expected
    assert state_of(engine, provider).status is SUSPENDED


@pytest.mark.parametrize(("reason", "hours"), [("PROVIDER_STOPPED", 0), ("RECEIVER_BUSY", 30)])
def test_waiting_for_a_human_does_not_count_towards_giving_up(
    reason: str, hours: int, engine: Engine, provider: MeteredProvider, orders: list[OrderEvent]
) -> None:
    only_first(engine)
    waited = "clock_timestamp() - interval '30 hours'"
    with engine.begin() as connection:
        connection.execute(
            text(
                f"UPDATE delivery SET attempts = 9, first_attempted_at = {waited}, due_at = {waited},"  # noqa: S608
                " last_error = :reason WHERE effect = 'ALIMTALK' AND due_at <= clock_timestamp()"
            ),
            {"reason": reason},
        )

    with transactions(engine)() as unit_of_work:
        (claimed,) = unit_of_work.claims.claim(Effect.ALIMTALK, 1, 20.0, provider.name)
        delay_seconds = 3_600.0
        stopped = RetryLater(claimed, delay_seconds, FailureReason.PROVIDER_STOPPED)
        unit_of_work.claims.record([stopped])
        unit_of_work.commit()

    assert claimed.age_seconds == pytest.approx(hours * 3_600, abs=60)
    # Nor does the time until the next attempt.
    statement = text(
        "SELECT EXTRACT(epoch FROM due_at - first_attempted_at) FROM delivery WHERE attempts = 10"
    )
    with engine.connect() as connection:
        assert float(connection.execute(statement).scalar_one()) == pytest.approx(hours * 3_600, abs=60)


def suspended_by_result(engine: Engine, provider: MeteredProvider) -> ProviderState:
    accept_first(engine, provider)
    report(engine, NHN_VOLUME)
    return state_of(engine, provider)


def test_a_result_suspends_the_provider_until_it_has_delivered(
    engine: Engine, provider: MeteredProvider
) -> None:
    state = suspended_by_result(engine, provider)
    assert (state.status, state.reason, state.stopped_by) == (SUSPENDED, NHN_VOLUME, StoppedBy.RESULT)
    set_state(engine, provider, SUSPENDED, stopped_by="'RESULT'")
    make_due(engine)

    with consumers(engine, provider, policy=NO_PROBES) as (work,):
        assert work(StopSignal()).deliveries == 1
        # Accepting proved nothing before, either.
        assert state_of(engine, provider).status is SUSPENDED
        assert work(StopSignal()).deliveries == 0
    report(engine, "1000", ResultState.DELIVERED, "m-2")

    assert state_of(engine, provider).status is RUNNING


def test_a_late_result_does_not_suspend_a_resumed_provider_again(
    engine: Engine, provider: MeteredProvider
) -> None:
    with consumers(engine, provider) as (work,):
        work(StopSignal())
    report(engine, NHN_VOLUME)
    assert state_of(engine, provider).status is SUSPENDED

    assert resume(engine, provider.name, "volume raised")
    report(engine, NHN_VOLUME, message_id="m-2")

    state = state_of(engine, provider)
    assert (state.status, state.resumed_by, state.resume_reason) == (RUNNING, "kim", "volume raised")
    assert alimtalk_statuses(engine) == {"PENDING": 2, "ACCEPTED": 4}
    assert not resume(engine, provider.name, "once more")


def test_a_resumed_provider_gets_everything(engine: Engine, provider: MeteredProvider) -> None:
    set_state(engine, provider, SUSPENDED, next_probe_at="clock_timestamp() + interval '1 year'")
    with consumers(engine, provider) as (work,):
        assert work(StopSignal()).deliveries == 0
        assert attempted(engine) == 0
        resume(engine, provider.name, "paid")
        work(StopSignal())

    assert alimtalk_statuses(engine) == {"ACCEPTED": 6}
