"""A provider that fails is left alone by all consumers, but for one probe at a time."""

import threading
from contextlib import ExitStack
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.deliver_effect import ClaimLimits
from notification_service.application.ports import MaySend
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.errors import (
    DeliveryFailed,
    OutcomeUnknown,
    ProviderThrottled,
    ReceiverUnavailable,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.provider_state import ProviderStatus
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import transactions
from tests.integration.notification_service.limited_work import (
    NO_PROBES,
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
from tests.support.notification_builders import a_completed_order
from tests.support.waiting import wait_until

DOWN = ReceiverUnavailable(FailureReason.RECEIVER_UNREACHABLE, "refused")
LOST = OutcomeUnknown(FailureReason.NO_REPLY, "the reply was lost")
UNCLEAR = OutcomeUnknown(FailureReason.UNEXPECTED_REPLY, "NHN answered with code -9999")
THROTTLED = ProviderThrottled(FailureReason.RECEIVER_BUSY, "NHN answered 429")
ONE_AT_A_TIME = ClaimLimits(most=1, lease_seconds=20.0, attempt_seconds=5.0)
OPEN, RUNNING = ProviderStatus.OPEN, ProviderStatus.RUNNING


@pytest.fixture
def provider(accept_order_events: AcceptOrderEvents) -> MeteredProvider:
    """One that has ten messages to send."""
    accept_order_events([a_completed_order() for _ in range(10)])
    return MeteredProvider()


def test_consumers_count_failures_together(engine: Engine, provider: MeteredProvider) -> None:
    provider.failures = [DOWN] * 100

    with consumers(engine, provider, 3, policy=NO_PROBES, limits=ONE_AT_A_TIME) as effects:
        assert [effect(StopSignal()).deliveries for effect in effects] == [1, 1, 1]
        assert [effect(StopSignal()).deliveries for effect in effects] == [0, 0, 0]

    state = state_of(engine, provider)
    assert (state.status, state.reason) == (OPEN, "RECEIVER_UNREACHABLE")
    assert alimtalk_statuses(engine) == {"PENDING": 10}
    assert attempted(engine) == len(provider.called_at) == 3


def test_answers_of_unknown_outcome_are_counted_together(engine: Engine, provider: MeteredProvider) -> None:
    provider.failures = [UNCLEAR] * 100

    with consumers(engine, provider, 3, policy=NO_PROBES, limits=ONE_AT_A_TIME) as effects:
        assert [effect(StopSignal()).deliveries for effect in effects] == [1, 1, 1]
        assert [effect(StopSignal()).deliveries for effect in effects] == [0, 0, 0]

    state = state_of(engine, provider)
    assert (state.status, state.reason) == (OPEN, "UNEXPECTED_REPLY")
    assert alimtalk_statuses(engine) == {"UNKNOWN": 3, "PENDING": 7}


def test_429_opens_it_once_there_was_nothing_else_for_a_minute(
    engine: Engine, provider: MeteredProvider
) -> None:
    provider.failures = [THROTTLED] * 100

    with consumers(engine, provider, limits=ONE_AT_A_TIME) as (work,):
        work(StopSignal())
        assert state_of(engine, provider).throttling is not None
        for _ in range(2):
            wait_until(lambda: work(StopSignal()).deliveries, "the pause to end")
        assert state_of(engine, provider).status is RUNNING
        set_state(engine, provider, RUNNING, throttled_since="clock_timestamp() - interval '61 seconds'")
        wait_until(lambda: work(StopSignal()).deliveries, "the pause to end")

    state = state_of(engine, provider)
    assert (state.status, state.reason) == (OPEN, "RECEIVER_BUSY")


def test_429_that_are_a_minute_apart_leave_it_closed(engine: Engine, provider: MeteredProvider) -> None:
    provider.failures = [THROTTLED] * 100

    with consumers(engine, provider, limits=ONE_AT_A_TIME) as (work,):
        work(StopSignal())
        for _ in range(4):
            set_state(
                engine,
                provider,
                RUNNING,
                throttled_since="throttled_since - interval '61 seconds'",
                throttled_until="throttled_until - interval '61 seconds'",
            )
            wait_until(lambda: work(StopSignal()).deliveries, "the pause to end")

    state = state_of(engine, provider)
    assert (state.status, state.throttling and state.throttling.answers) == (RUNNING, 1)


def test_a_limit_that_lets_a_message_through_is_forgotten(engine: Engine, provider: MeteredProvider) -> None:
    provider.failures = [THROTTLED]
    only_first(engine)

    with consumers(engine, provider) as (work,):
        work(StopSignal())
        wait_until(lambda: work(StopSignal()).deliveries, "the pause to end")

    assert len(provider.sent) == 1
    assert state_of(engine, provider).throttling is None


def test_replies_that_are_lost_open_it_and_double_nothing(engine: Engine, provider: MeteredProvider) -> None:
    provider.failures, provider.accepts_silently = [LOST] * 10, True

    with consumers(engine, provider, policy=NO_PROBES, per_second=50.0) as (work,):
        work(StopSignal())
        assert state_of(engine, provider).status is OPEN
    provider.failures = []
    with consumers(engine, provider) as effects, running(effects):
        set_state(engine, provider, OPEN)
        make_due(engine)
        wait_until(lambda: alimtalk_statuses(engine) == {"DELIVERED": 10}, "all to be delivered")

    assert len(set(provider.sent)) == len(provider.sent) == 10
    assert state_of(engine, provider).status is RUNNING


def test_look_ups_that_are_answered_do_not_hide_that_sends_hang(
    engine: Engine, provider: MeteredProvider
) -> None:
    provider.failures = [LOST] * 100
    only_first(engine)

    with consumers(engine, provider, policy=NO_PROBES) as (work,):
        while work(StopSignal()).deliveries:
            # The look-up says that it isn't there, and it is sent again.
            make_unknown_due(engine)

    assert state_of(engine, provider).status is OPEN
    assert len(provider.called_at) == NO_PROBES.failures_to_open


def test_a_probe_sends_while_there_is_something_to_send(engine: Engine, provider: MeteredProvider) -> None:
    provider.failures = [LOST] * 100
    with consumers(engine, provider, policy=NO_PROBES) as (work,):
        work(StopSignal())
        make_due(engine)
        make_unknown_due(engine)
        sent_before = len(provider.called_at)
        set_state(engine, provider, OPEN)

        assert work(StopSignal()).deliveries == 1

    assert len(provider.called_at) == sent_before + 1


def test_of_all_consumers_one_makes_the_probe(engine: Engine, provider: MeteredProvider) -> None:
    set_state(engine, provider, OPEN)
    provider.answers.clear()
    begun = threading.Barrier(3)

    with consumers(engine, provider, 3) as effects, ExitStack() as ends:
        threads = [threading.Thread(target=_work_at_once, args=(begun, effect)) for effect in effects]
        for thread in threads:
            thread.start()
            ends.callback(thread.join, 30)
        # The first of the callbacks.
        ends.callback(provider.answers.set)
        # Two of them have found nothing to do, and the third waits for its answer.
        wait_until(lambda: sum(thread.is_alive() for thread in threads) == 1, "two to have ended")
        wait_until(lambda: provider.called_at, "the probe")
        assert alimtalk_statuses(engine) == {"SENDING": 1, "PENDING": 9}

    assert len(provider.called_at) == 1
    assert state_of(engine, provider).status is RUNNING


def _work_at_once(begun: threading.Barrier, work: object) -> None:
    begun.wait(10)
    assert callable(work)
    work(StopSignal())


class ProviderThatFailsMeanwhile(MeteredProvider):
    """Its breaker opens while the first call goes on, and before the others end."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._opened = threading.Event()

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        if message.reference == self.slow_reference:
            self.called_at.append(0.0)
            set_state(self._engine, self, OPEN)
            self._opened.set()
            assert self.answers.wait(30)
            return "m-0"
        assert self._opened.wait(30)
        self.called_at.append(0.0)
        return f"m-{len(self.called_at)}"

    slow_reference = ""


def test_a_probe_goes_when_nothing_else_is_under_way(
    engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    orders = [a_completed_order() for _ in range(10)]
    accept_order_events(orders)
    provider = ProviderThatFailsMeanwhile(engine)
    provider.slow_reference = str(min(order.event_id for order in orders))
    provider.answers.clear()

    with consumers(engine, provider) as (work,):
        thread = threading.Thread(target=work, args=(StopSignal(),))
        thread.start()
        try:
            wait_until(lambda: alimtalk_statuses(engine).get("DELIVERED") == 3, "the others to end")
            assert alimtalk_statuses(engine) == {"DELIVERED": 3, "SENDING": 1, "PENDING": 6}
        finally:
            provider.answers.set()
            thread.join(30)
        assert state_of(engine, provider).status is OPEN
        work(StopSignal())

    assert state_of(engine, provider).status is RUNNING


def test_a_probe_whose_process_was_killed_is_taken_over(engine: Engine, provider: MeteredProvider) -> None:
    set_state(engine, provider, OPEN)
    with transactions(engine)() as unit_of_work:
        assert unit_of_work.providers.begin_probe(provider.name, uuid4(), 1.5)
        assert not unit_of_work.providers.begin_probe(provider.name, uuid4(), 1.5)
        unit_of_work.commit()

    with consumers(engine, provider) as (work,):
        assert work(StopSignal()).deliveries == 0
        wait_until(lambda: work(StopSignal()).deliveries, "the lease to end")

    assert state_of(engine, provider).status is RUNNING


@pytest.mark.parametrize("answer", [DOWN, UNCLEAR, THROTTLED], ids=["down", "unclear", "throttled"])
def test_a_probe_that_fails_leaves_it_open(
    answer: DeliveryFailed, engine: Engine, provider: MeteredProvider
) -> None:
    set_state(engine, provider, OPEN)
    provider.failures = [answer]

    with consumers(engine, provider, policy=NO_PROBES) as (work,):
        assert work(StopSignal()).deliveries == 1
        assert work(StopSignal()).deliveries == 0

    state = state_of(engine, provider)
    assert (state.status, state.failed_probes, len(provider.called_at)) == (OPEN, 1, 1)


def test_a_provider_that_is_back_gets_the_backlog(engine: Engine, provider: MeteredProvider) -> None:
    provider.failures = [DOWN] * 1_000

    with consumers(engine, provider, 3) as effects, running(effects):
        wait_until(lambda: state_of(engine, provider).status is OPEN, "the breaker to open")
        provider.failures = []
        wait_until(lambda: alimtalk_statuses(engine) == {"DELIVERED": 10}, "all to be delivered")

    assert state_of(engine, provider).status is RUNNING


def test_without_due_messages_no_probe_is_begun(engine: Engine, provider: MeteredProvider) -> None:
    with consumers(engine, provider) as (work,):
        work(StopSignal())
        set_state(engine, provider, OPEN)

        assert work(StopSignal()).deliveries == 0

    assert state_of(engine, provider).probe_id is None
