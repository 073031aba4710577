"""Questions for results are calls, too: they share the provider's limit with the messages."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, text

from notification_service.alimtalk.nhn import NhnAccount, NhnAlimtalkProvider
from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.ask_for_results import AskForResults
from notification_service.application.delivering.provider_gate import ProviderGate
from notification_service.application.delivering.question_gate import QuestionGate
from notification_service.application.ports import AlimtalkProvider
from notification_service.application.record_results import RecordResults
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.delivery import Effect
from provider_sandbox.providers.nhn import account
from servicekit.identifiers import uuid7
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import delivering, transactions
from tests.integration.notification_service.limited_work import (
    QUICK_PROBES,
    MeteredProvider,
    alimtalk_statuses,
    consumers,
    running,
    state_of,
)
from tests.support.notification_builders import WRITE_ALIMTALK, a_completed_order
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until

# A fifth of a second's slots, at 97 % of the limit, are three.
PER_SECOND = 20.0


@contextmanager
def asking(
    engine: Engine, provider: AlimtalkProvider, per_second: float = PER_SECOND
) -> Iterator[AskForResults]:
    """What asks in one process."""
    unit_of_work = transactions(engine)
    with ThreadPoolExecutor(8) as pool:
        yield AskForResults(
            provider,
            unit_of_work,
            RecordResults(unit_of_work),
            pool=pool,
            batch_size=1_000,
            most_calls=64,
            expire_after_seconds=3600.0,
            gate=QuestionGate(provider.name, QUICK_PROBES, calls_per_second=per_second),
        )


def make_results_due(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET result_due_at = now() WHERE status = 'ACCEPTED'"))


@pytest.fixture
def metered(accept_order_events: AcceptOrderEvents, engine: Engine) -> MeteredProvider:
    """One that has accepted six messages, and is asked about one in a call."""
    accept_order_events([a_completed_order() for _ in range(6)])
    provider = MeteredProvider(accepts_finally=False, results_at_once=1)
    with consumers(engine, provider) as (work,):
        work(StopSignal())
    make_results_due(engine)
    return provider


def test_a_round_of_questions_takes_a_fifth_of_a_seconds_slots(
    engine: Engine, metered: MeteredProvider
) -> None:
    with asking(engine, metered) as ask:
        ask(StopSignal())

    assert len(metered.questions) == 3


def test_while_messages_wait_questions_of_all_processes_keep_to_a_share(
    engine: Engine, metered: MeteredProvider
) -> None:
    gate = QuestionGate(metered.name, QUICK_PROBES, calls_per_second=1.0)
    with transactions(engine)() as one:
        assert gate.enter(one, 1) is not None
        one.commit()
    let_slots_pass(engine, metered)

    with transactions(engine)() as other:
        # As messages do, which are claimed ahead.
        other.providers.reserve(metered.name, 1, 0.8)
        state = other.providers.get(metered.name)
        assert gate.most_calls(state) == 0
        assert 0 < gate.wait_seconds(state) <= 0.8
        assert gate.enter(other, 1) is None


def test_questions_take_slots_that_no_message_uses(engine: Engine, metered: MeteredProvider) -> None:
    with asking(engine, metered, per_second=1.0) as one, asking(engine, metered, per_second=1.0) as other:
        one(StopSignal())
        # A second, of the five until its share of one question is free again.
        let_slots_pass(engine, metered)
        done = other(StopSignal())

    assert (done.deliveries, len(metered.questions)) == (1, 2)


def let_slots_pass(engine: Engine, provider: MeteredProvider) -> None:
    wait_until(lambda: not state_of(engine, provider).wait_seconds, "the reserved slots to pass")


def test_questions_take_their_slots_from_messages(engine: Engine, metered: MeteredProvider) -> None:
    with asking(engine, metered, per_second=1.0) as ask:
        ask(StopSignal())

    assert len(metered.questions) == 1
    # The slot that it took, and five times as long until the next question.
    state = state_of(engine, metered)
    assert 0 < state.wait_seconds <= 1.1
    assert 2 < state.question_wait_seconds <= 5.5


def test_no_question_is_put_during_a_pause_that_the_provider_asked_for(
    engine: Engine, metered: MeteredProvider
) -> None:
    with transactions(engine)() as unit_of_work:
        unit_of_work.providers.push_back(metered.name, 30.0)
        unit_of_work.commit()

    with asking(engine, metered) as ask:
        assert ask(StopSignal()).pause_seconds == 1.0

    assert metered.questions == []


def an_event_of(second: int) -> UUID:
    """An event's id of that second: no two are in one group of NHN's."""
    milliseconds = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp() + second) * 1_000
    return UUID(int=(milliseconds << 80) | (uuid7().int & (1 << 80) - 1))


def test_results_of_single_messages_and_a_backlog_stay_below_the_limit(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox
) -> None:
    sandbox.control(nhn={})
    accept_order_events([a_completed_order(event_id=an_event_of(second)) for second in range(60)])
    nhn = partial(
        NhnAlimtalkProvider,
        account=NhnAccount(account.APP_KEY, account.SECRET_KEY, account.SENDER_KEY),
        base_url=f"{sandbox.url}/providers/nhn",
    )
    with ExitStack() as scope:
        provider = nhn(scope.enter_context(httpx.Client(timeout=20.0, trust_env=False)))
        courier = SendAlimtalk(provider, 0.0, WRITE_ALIMTALK)
        send = partial(delivering, engine, Effect.ALIMTALK, sandbox, courier=courier, provider="nhn")
        with send() as work:
            wait_until(lambda: not work(StopSignal()).deliveries, "all to be accepted", 60)
        assert alimtalk_statuses(engine) == {"ACCEPTED": 60}
        make_results_due(engine)
        # Fresh, so that none is looked up before it is sent.
        fresh = partial(a_completed_order, completed_at=datetime.now(UTC))
        accept_order_events([fresh() for _ in range(30)])
        # Half as much again as is allowed here, since a busy machine blurs the seconds.
        sandbox.control(nhn={"requestsPerSecond": 30})
        gate = ProviderGate("nhn", PER_SECOND, QUICK_PROBES, 20.0)
        sending = scope.enter_context(send(gate=gate))
        askers = [scope.enter_context(asking(engine, provider)) for _ in range(3)]
        with running([sending, *askers]):
            wait_until(lambda: alimtalk_statuses(engine) == {"DELIVERED": 90}, "all to be delivered", 60)

    requests = sandbox.client.get("/records/provider-requests", params={"provider": "nhn", "limit": 1_000})
    assert [each["fault"] for each in requests.raise_for_status().json()["requests"] if each["fault"]] == []
