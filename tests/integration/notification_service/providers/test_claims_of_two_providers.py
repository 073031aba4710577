"""What may be at one provider is never sent by the other, and what surely isn't goes to the one that runs."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.attempt_delivery import AttemptDelivery
from notification_service.application.deliver_effect import DeliverEffect
from notification_service.application.delivering.failover import ReachOfFirst, ReachOfSecond
from notification_service.application.delivering.provider_gate import ProviderGate
from notification_service.application.delivering.question_gate import QuestionGate
from notification_service.application.forget_refusal import ForgetRefusal
from notification_service.application.learn_from_calls_elsewhere import LearnFromCallsElsewhere
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.delivery import Effect
from notification_service.domain.errors import (
    DeliveryFailed,
    OutcomeUnknown,
    ProviderStopped,
    ReceiverUnavailable,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.order_event import OrderEvent
from notification_service.domain.provider_state import ProviderStatus, after_look_ups, in_use
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import QUICK, transactions
from tests.integration.notification_service.limited_work import (
    FAST,
    LIMITS,
    NO_PROBES,
    MeteredProvider,
    alimtalk_statuses,
    make_due,
    set_state,
    state_of,
)
from tests.support.notification_builders import WRITE_ALIMTALK, a_completed_order

DOWN = ReceiverUnavailable(FailureReason.RECEIVER_UNREACHABLE, "refused")
BUSY = ReceiverUnavailable(FailureReason.RECEIVER_BUSY, "a gateway answered 503")
LOST = OutcomeUnknown(FailureReason.NO_REPLY, "the reply was lost")
UNCLEAR = OutcomeUnknown(FailureReason.UNEXPECTED_REPLY, "a code that has to be asked for")
OPEN, RUNNING, SUSPENDED = ProviderStatus.OPEN, ProviderStatus.RUNNING, ProviderStatus.SUSPENDED
NEVER = {"next_probe_at": "clock_timestamp() + interval '1 year'"}


@dataclass
class Asked(MeteredProvider):
    """Notes what it was asked for, and may answer no questions."""

    question_failure: DeliveryFailed | None = None
    looked_up: list[str] = field(default_factory=list)

    def find(self, message: AlimtalkMessage) -> str | None:
        self.looked_up.append(message.reference)
        if self.question_failure is not None:
            raise self.question_failure
        return super().find(message)


class Pair:
    """SOLAPI first, then NHN, and what a process does for each of them."""

    def __init__(self, engine: Engine, pool: ThreadPoolExecutor) -> None:
        self._engine = engine
        self.solapi, self.nhn = Asked("solapi"), Asked("nhn")
        self._held: set[str] = set()
        self._effects = [
            DeliverEffect(
                Effect.ALIMTALK,
                AttemptDelivery(
                    Effect.ALIMTALK,
                    SendAlimtalk(provider, 0.0, WRITE_ALIMTALK, [other]),
                    QUICK,
                    jitter=lambda: 0.5,
                ),
                transactions(engine),
                provider=provider.name,
                gate=ProviderGate(provider.name, FAST, NO_PROBES, 20.0, reach),
                pool=pool,
                limits=LIMITS,
                retry=QUICK,
                held_templates=lambda: self._held,
                learn_elsewhere=LearnFromCallsElsewhere(
                    transactions(engine),
                    {other.name: QuestionGate(other.name, NO_PROBES, after_look_ups)},
                ),
            )
            for provider, other, reach in (
                (self.solapi, self.nhn, ReachOfFirst("nhn")),
                (self.nhn, self.solapi, ReachOfSecond("solapi")),
            )
        ]

    def first_works(self) -> None:
        make_due(self._engine)
        self._effects[0](StopSignal())

    def second_works(self) -> None:
        make_due(self._engine)
        self._effects[1](StopSignal())

    def hold_templates(self) -> None:
        self._held = {"ORDER_COMPLETED"}

    def set(self, provider: MeteredProvider, status: ProviderStatus, **columns: str) -> None:
        if status is RUNNING:
            columns = {"next_probe_at": "NULL", "stopped_by": "NULL", **columns}
        set_state(self._engine, provider, status, **columns)

    def statuses(self) -> dict[str, int]:
        return alimtalk_statuses(self._engine)


def a_fresh_order() -> OrderEvent:
    return a_completed_order(completed_at=datetime.now(UTC))


@pytest.fixture
def pair(engine: Engine, accept_order_events: AcceptOrderEvents) -> Iterator[Pair]:
    """With one message to send."""
    accept_order_events([a_fresh_order()])
    with ThreadPoolExecutor(LIMITS.most) as pool:
        yield Pair(engine, pool)


def test_the_second_sends_nothing_new_while_the_first_runs(pair: Pair) -> None:
    pair.second_works()
    assert pair.nhn.sent == []

    pair.first_works()
    assert len(pair.solapi.sent) == 1


@pytest.mark.parametrize("status", [OPEN, SUSPENDED])
def test_the_second_sends_what_is_new_while_the_first_is_down(pair: Pair, status: ProviderStatus) -> None:
    pair.set(pair.solapi, status, **NEVER)

    pair.first_works()
    pair.second_works()

    assert (len(pair.solapi.sent), len(pair.nhn.sent)) == (0, 1)


def test_the_second_sends_what_the_first_surely_did_not_take(pair: Pair) -> None:
    pair.solapi.failures = [DOWN]
    pair.first_works()
    pair.set(pair.solapi, OPEN, **NEVER)

    pair.second_works()

    assert (pair.solapi.sent, len(pair.nhn.sent)) == ([], 1)
    assert pair.statuses() == {"DELIVERED": 1}


def test_the_second_leaves_what_the_first_may_have_until_that_says(pair: Pair) -> None:
    pair.solapi.failures, pair.solapi.accepts_silently = [LOST], True
    pair.first_works()
    pair.set(pair.solapi, OPEN, **NEVER)

    pair.second_works()
    assert (pair.nhn.sent, pair.nhn.looked_up, pair.statuses()) == ([], [], {"UNKNOWN": 1})

    pair.set(pair.solapi, RUNNING)
    pair.first_works()
    assert (len(pair.solapi.sent), pair.statuses()) == (1, {"DELIVERED": 1})


def test_the_second_takes_over_from_one_whose_answers_are_unclear(
    pair: Pair, accept_order_events: AcceptOrderEvents
) -> None:
    accept_order_events([a_fresh_order() for _ in range(2)])
    pair.solapi.failures, pair.solapi.accepts_silently = [UNCLEAR] * 3, True
    pair.first_works()
    accept_order_events([a_fresh_order()])

    pair.second_works()

    # What the first may have waits for it.
    assert (len(pair.nhn.sent), pair.nhn.looked_up) == (1, [])
    assert pair.statuses() == {"UNKNOWN": 3, "DELIVERED": 1}


def test_a_refusal_that_may_hide_a_message_keeps_it_at_the_first(pair: Pair) -> None:
    pair.solapi.failures, pair.solapi.accepts_silently = [BUSY], True
    pair.first_works()
    pair.set(pair.solapi, OPEN, **NEVER)

    pair.second_works()
    assert (pair.nhn.sent, pair.statuses()) == ([], {"UNKNOWN": 1})

    pair.set(pair.solapi, RUNNING)
    pair.first_works()
    assert (len(pair.solapi.sent), pair.statuses()) == (1, {"DELIVERED": 1})


def test_what_the_first_keeps_unsent_stays_with_it(pair: Pair) -> None:
    pair.solapi.keeps_unsent = True
    pair.solapi.failures = [LOST]
    pair.first_works()
    pair.first_works()
    pair.set(pair.solapi, OPEN, **NEVER)

    pair.second_works()
    assert (pair.solapi.sent, pair.nhn.sent, pair.statuses()) == ([], [], {"PENDING": 1})

    pair.set(pair.solapi, RUNNING)
    pair.first_works()
    assert (len(pair.solapi.sent), pair.nhn.sent) == (1, [])


def test_what_the_first_surely_does_not_have_may_go_to_the_second(pair: Pair) -> None:
    pair.solapi.failures = [LOST]
    pair.first_works()
    pair.first_works()
    pair.set(pair.solapi, OPEN, **NEVER)

    pair.second_works()

    assert (pair.solapi.sent, len(pair.nhn.sent)) == ([], 1)


def test_the_second_leaves_what_a_killed_process_may_have_sent(engine: Engine, pair: Pair) -> None:
    with transactions(engine)() as unit_of_work:
        unit_of_work.claims.claim(Effect.ALIMTALK, 1, 0.0, "solapi")
        unit_of_work.commit()
    pair.set(pair.solapi, OPEN, **NEVER)

    pair.second_works()

    assert (pair.nhn.sent, pair.nhn.looked_up, pair.statuses()) == ([], [], {"SENDING": 1})


def test_the_second_looks_up_its_own_while_the_first_runs(pair: Pair) -> None:
    pair.set(pair.solapi, OPEN, **NEVER)
    pair.nhn.failures, pair.nhn.accepts_silently = [LOST], True
    pair.second_works()
    pair.set(pair.solapi, RUNNING)

    pair.first_works()
    assert (pair.solapi.sent, pair.solapi.looked_up, pair.statuses()) == ([], [], {"UNKNOWN": 1})

    pair.second_works()
    assert (len(pair.nhn.sent), pair.statuses()) == (1, {"DELIVERED": 1})


def test_a_probe_asks_before_it_risks_a_message(pair: Pair, accept_order_events: AcceptOrderEvents) -> None:
    pair.solapi.failures, pair.solapi.question_failure = [LOST], LOST
    pair.first_works()
    accept_order_events([a_fresh_order()])
    pair.set(pair.solapi, OPEN)

    pair.first_works()
    assert (len(pair.solapi.looked_up), len(pair.solapi.called_at)) == (1, 1)

    # Answered, a question says nothing about sending.
    pair.solapi.question_failure = None
    pair.set(pair.solapi, OPEN)
    pair.first_works()
    pair.set(pair.solapi, OPEN)
    pair.first_works()
    assert len(pair.solapi.called_at) == 2


def test_the_second_leaves_what_it_has_no_template_for(pair: Pair) -> None:
    pair.set(pair.solapi, OPEN, **NEVER)
    pair.hold_templates()

    pair.second_works()

    assert (pair.nhn.sent, pair.statuses()) == ([], {"PENDING": 1})


def test_what_is_bound_to_a_provider_that_is_used_elsewhere_is_left(engine: Engine, pair: Pair) -> None:
    with transactions(engine)() as unit_of_work:
        unit_of_work.claims.claim(Effect.ALIMTALK, 1, 0.0, "sens")
        unit_of_work.providers.watch(["sens"])
        unit_of_work.commit()
    pair.first_works()
    pair.second_works()
    assert pair.statuses() == {"SENDING": 1}

    # Since no process uses it any more, an operator has to know.
    with engine.begin() as connection:
        connection.execute(text("UPDATE alimtalk_provider SET watched_at = now() - interval '2 minutes'"))
    pair.second_works()
    assert pair.statuses() == {"SENDING": 1}
    pair.first_works()
    assert pair.statuses() == {"UNKNOWN": 1}


@pytest.mark.parametrize("code", ["401", "403"])
def test_a_second_that_can_not_be_asked_is_seen(
    code: str, engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    accept_order_events([a_completed_order()])
    with ThreadPoolExecutor(LIMITS.most) as pool:
        pair = Pair(engine, pool)
        pair.nhn.question_failure = ProviderStopped(FailureReason.UNEXPECTED_REPLY, "", code=code)

        with capture_logs() as logs:
            for _ in range(3):
                pair.first_works()

        assert (pair.solapi.sent, pair.statuses()) == ([], {"PENDING": 1})
        assert not state_of(engine, pair.solapi).refuses_questions
        state = state_of(engine, pair.nhn)
        assert (state.status, state.look_ups_refused) == (RUNNING, code)
        (line,) = [line for line in logs if line["event"] == "alimtalk_questions_refused"]
        assert (line["log_level"], line["provider"], line["reason"]) == ("error", "nhn", code)

        pair.nhn.question_failure = None
        pair.first_works()

    assert len(pair.solapi.sent) == 1
    assert not state_of(engine, pair.nhn).refuses_questions


def test_a_refusal_lasts_while_the_others_message_waits_for_a_word(
    engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    accept_order_events([a_completed_order()])
    clock = count(0.0, 600.0)
    forget = ForgetRefusal("nhn", transactions(engine), 600.0, lambda: next(clock))
    with ThreadPoolExecutor(LIMITS.most) as pool:
        pair = Pair(engine, pool)
        pair.nhn.question_failure = ProviderStopped(FailureReason.UNEXPECTED_REPLY, "", code="403")
        pair.first_works()

    for _ in range(2):
        forget()
    assert state_of(engine, pair.nhn).look_ups_refused == "403"

    with engine.begin() as connection:
        given_up = "status = 'GIVEN_UP', due_at = NULL, completed_at = clock_timestamp()"
        connection.execute(text(f"UPDATE delivery SET {given_up} WHERE effect = 'ALIMTALK'"))  # noqa: S608
    for _ in range(2):
        forget()
    assert not state_of(engine, pair.nhn).refuses_questions


def since_long_ago(engine: Engine, *names: str) -> None:
    """The database has forgotten nothing of these providers."""
    with transactions(engine)() as unit_of_work:
        unit_of_work.providers.watch(names)
        unit_of_work.commit()
    with engine.begin() as connection:
        connection.execute(text("UPDATE alimtalk_provider SET watched_since = '2026-01-01'"))


def test_a_second_that_may_only_send_takes_over_in_one_state(
    engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    accept_order_events([a_completed_order() for _ in range(3)])
    since_long_ago(engine, "solapi", "nhn")
    with ThreadPoolExecutor(LIMITS.most) as pool:
        pair = Pair(engine, pool)
        pair.solapi.failures = [DOWN] * 3
        pair.first_works()
        pair.set(pair.solapi, OPEN, **NEVER)
        pair.nhn.question_failure = ProviderStopped(FailureReason.UNEXPECTED_REPLY, "", code="403")
        pair.nhn.failures, pair.nhn.accepts_silently = [LOST], True
        states = set()
        for _ in range(4):
            since_long_ago(engine, "solapi", "nhn")
            pair.second_works()
            state = state_of(engine, pair.nhn)
            states.add((state.status, state.look_ups_refused))

    # The one whose reply was lost waits, and is sent by neither.
    assert len(set(pair.nhn.sent)) == len(pair.nhn.sent) == 3
    assert pair.statuses() == {"DELIVERED": 2, "UNKNOWN": 1}
    assert states == {(RUNNING, "403")}


def test_what_the_database_may_have_forgotten_waits_for_a_look_up(
    engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    accept_order_events([a_completed_order()])
    with ThreadPoolExecutor(LIMITS.most) as pool:
        pair = Pair(engine, pool)
        pair.set(pair.solapi, OPEN, **NEVER)
        pair.nhn.question_failure = ProviderStopped(FailureReason.UNEXPECTED_REPLY, "", code="403")
        pair.second_works()

    assert (pair.nhn.sent, pair.statuses()) == ([], {"PENDING": 1})
    assert state_of(engine, pair.nhn).look_ups_refused == "403"


@pytest.mark.parametrize("attempts", [0, 1])
def test_what_waits_for_the_seconds_word_becomes_overdue(
    attempts: int, engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    accept_order_events([a_completed_order()])
    with ThreadPoolExecutor(LIMITS.most) as pool:
        pair = Pair(engine, pool)
        if attempts:
            pair.solapi.failures = [DOWN]
            with engine.begin() as connection:
                connection.execute(text("UPDATE completed_order SET completed_at = clock_timestamp()"))
            pair.first_works()
            with engine.begin() as connection:
                connection.execute(text("UPDATE completed_order SET completed_at = '2026-01-01'"))
        pair.nhn.question_failure = LOST
        pair.first_works()
        assert overdue(engine) == 0

        # Were the pause no time that counts, 15 minutes would not have passed.
        pass_seconds(engine, 15 * 60 + 5)
        pair.first_works()

    assert pair.solapi.sent == []
    assert overdue(engine) == 1


def pass_seconds(engine: Engine, seconds: int) -> None:
    """As if the delivery had been attempted so much earlier."""
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE delivery SET first_attempted_at = first_attempted_at - :passed"),
            {"passed": timedelta(seconds=seconds)},
        )


def overdue(engine: Engine) -> int:
    with transactions(engine)() as unit_of_work:
        return unit_of_work.deliveries.figures().overdue


@contextmanager
def watched(engine: Engine, *names: str) -> Iterator[None]:
    with transactions(engine)() as unit_of_work:
        unit_of_work.providers.watch(names)
        unit_of_work.commit()
    yield


def test_an_order_before_a_gap_in_watching_may_be_elsewhere(
    engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    accept_order_events([a_completed_order()])
    reach = ReachOfFirst("nhn")

    def may_be_elsewhere() -> bool:
        with transactions(engine)() as unit_of_work:
            unit_of_work.providers.watch(["solapi", "nhn"])
            (claimed,) = unit_of_work.claims.claim(
                Effect.ALIMTALK, 1, 20.0, "solapi", reach=reach(unit_of_work)
            )
            return claimed.may_be_elsewhere

    assert may_be_elsewhere()
    with watched(engine, "solapi", "nhn"), engine.begin() as connection:
        connection.execute(text("UPDATE alimtalk_provider SET watched_since = '2026-01-01'"))
    assert not may_be_elsewhere()
    with engine.begin() as connection:
        connection.execute(text("UPDATE alimtalk_provider SET watched_at = now() - interval '2 minutes'"))
    assert may_be_elsewhere()


def test_the_provider_in_use_is_read_from_what_consumers_say(engine: Engine, pair: Pair) -> None:
    pair.set(pair.solapi, OPEN)
    with watched(engine, "solapi", "nhn"), transactions(engine)() as unit_of_work:
        states = unit_of_work.providers.all()
        used = in_use(states)

    assert {state.name: state.place for state in states} == {"nhn": 2, "solapi": 1}
    assert used is not None
    assert used.name == "nhn"
