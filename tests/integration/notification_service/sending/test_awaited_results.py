"""An acceptance is no delivery: the provider is asked until it has a final result, or for too long."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest
from sqlalchemy import Connection, Engine, event, text
from structlog.testing import capture_logs

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.ask_for_results import AskForResults
from notification_service.application.record_results import RecordResults
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.alimtalk_results import Answer, ResultState
from notification_service.domain.attempt_history import Attempt, AttemptOutcome
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.delivery import RETRYABLE, Delivery, DeliveryStatus, Effect
from notification_service.domain.delivery_selection import DeliverySelection
from notification_service.domain.errors import (
    DeliveryFailed,
    OutcomeUnknown,
    ProviderThrottled,
    ReceiverUnavailable,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.order_event import OrderEvent
from servicekit.identifiers import uuid7
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import (
    delivering,
    delivery_of,
    retry_deliveries,
    transactions,
)
from tests.support.notification_builders import WRITE_ALIMTALK, a_completed_order
from tests.support.provider_double import ProviderDouble, a_result, reported
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until

ALIMTALK = Effect.ALIMTALK
HOURS_72 = 72 * 3600.0


@contextmanager
def asking(
    engine: Engine, provider: ProviderDouble, batch_size: int = 10, most_calls: int = 10
) -> Iterator[AskForResults]:
    unit_of_work = transactions(engine)
    with ThreadPoolExecutor(2) as pool:
        yield AskForResults(
            provider,
            unit_of_work,
            RecordResults(unit_of_work),
            pool=pool,
            batch_size=batch_size,
            most_calls=most_calls,
            expire_after_seconds=HOURS_72,
        )


def send(engine: Engine, sandbox: Sandbox, provider: ProviderDouble) -> None:
    with delivering(
        engine, ALIMTALK, sandbox, courier=SendAlimtalk(provider, 0.0, WRITE_ALIMTALK), provider=provider.name
    ) as work:
        work(StopSignal())


def look_up(engine: Engine, sandbox: Sandbox, provider: ProviderDouble) -> None:
    """The look-up that is planned, without the wait for it."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET due_at = clock_timestamp() WHERE status = 'UNKNOWN'"))
    send(engine, sandbox, provider)


def make_due(engine: Engine, accepted_hours_ago: float = 0.0) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE delivery SET result_due_at = clock_timestamp(),"
                " accepted_at = accepted_at - :hours * interval '1 hour' WHERE status = 'ACCEPTED'"
            ),
            {"hours": accepted_hours_ago},
        )


def ask(engine: Engine, provider: ProviderDouble, order: OrderEvent, *, hours: float = 0.0) -> Delivery:
    """The order's alimtalk after a question that is due, so long after its acceptance."""
    make_due(engine, hours)
    with asking(engine, provider) as ask_for_results:
        ask_for_results(StopSignal())
    return delivery_of(engine, order, ALIMTALK)


@pytest.fixture
def provider() -> ProviderDouble:
    return ProviderDouble()


@pytest.fixture
def accepted(
    engine: Engine, accept_order_events: AcceptOrderEvents, sandbox: Sandbox, provider: ProviderDouble
) -> OrderEvent:
    """An order whose alimtalk the provider has accepted as m-1."""
    order = a_completed_order()
    accept_order_events([order])
    send(engine, sandbox, provider)
    return order


def test_what_a_provider_accepted_is_not_yet_delivered(engine: Engine, accepted: OrderEvent) -> None:
    delivery = delivery_of(engine, accepted, ALIMTALK)

    assert (delivery.status, delivery.due_at, delivery.completed_at) == (DeliveryStatus.ACCEPTED, None, None)
    assert delivery.accepted_at is not None
    with engine.connect() as connection:
        seconds = connection.scalar(
            text(
                "SELECT EXTRACT(epoch FROM result_due_at - accepted_at) FROM delivery"
                " WHERE provider = 'double'"
            )
        )
    assert float(seconds or 0.0) == pytest.approx(5.0, abs=0.1)


@pytest.mark.parametrize(
    ("state", "status", "reason"),
    [
        (ResultState.DELIVERED, DeliveryStatus.DELIVERED, None),
        (ResultState.FAILED, DeliveryStatus.FAILED, FailureReason.NOT_DELIVERED),
    ],
)
def test_a_final_result_is_asked_for_and_recorded(
    engine: Engine,
    provider: ProviderDouble,
    accepted: OrderEvent,
    state: ResultState,
    status: DeliveryStatus,
    reason: FailureReason | None,
) -> None:
    provider.known = reported({"m-1": state})

    delivery = ask(engine, provider, accepted)

    assert (delivery.status, delivery.last_error, delivery.result_code) == (status, reason, "1000")
    assert delivery.completed_at is not None
    assert ask(engine, provider, accepted).status is status
    assert provider.asked == ["m-1"]


def test_the_result_of_another_message_with_the_same_id_is_not_taken(
    engine: Engine, accepted: OrderEvent
) -> None:
    """A former release takes the id of NHN's request for that of each message in it."""
    record_results, ours = RecordResults(transactions(engine)), str(accepted.event_id)

    record_results("double", [a_result("m-1", ResultState.FAILED, reference=str(uuid7()))])
    assert delivery_of(engine, accepted, ALIMTALK).status is DeliveryStatus.ACCEPTED

    record_results("double", [a_result("m-1", reference=ours)])
    assert delivery_of(engine, accepted, ALIMTALK).status is DeliveryStatus.DELIVERED


def test_without_a_final_result_the_question_is_put_again_later(
    engine: Engine, provider: ProviderDouble, accepted: OrderEvent
) -> None:
    provider.known = reported({"m-1": ResultState.UNKNOWN})

    assert ask(engine, provider, accepted).status is DeliveryStatus.ACCEPTED

    with asking(engine, provider) as ask_for_results:
        assert ask_for_results(StopSignal()).deliveries == 0
    with engine.connect() as connection:
        questions, seconds = connection.execute(
            text(
                "SELECT result_questions, EXTRACT(epoch FROM result_due_at - clock_timestamp())"
                " FROM delivery WHERE status = 'ACCEPTED'"
            )
        ).one()
    assert questions == 1
    assert 0.0 < float(seconds) <= 10.0


def test_a_provider_that_does_not_answer_is_asked_again_after_a_pause(
    engine: Engine, provider: ProviderDouble, accepted: OrderEvent
) -> None:
    provider.result_failure = ReceiverUnavailable(FailureReason.RECEIVER_BUSY, "busy")
    make_due(engine)
    with asking(engine, provider) as ask_for_results:
        assert ask_for_results(StopSignal()).pause_seconds > 0
    provider.result_failure = None
    provider.known = reported({"m-1": ResultState.DELIVERED})

    assert ask(engine, provider, accepted).status is DeliveryStatus.DELIVERED


def test_what_has_no_result_in_time_expires_after_one_more_question(
    engine: Engine, provider: ProviderDouble, accepted: OrderEvent
) -> None:
    assert ask(engine, provider, accepted, hours=71.9).status is DeliveryStatus.ACCEPTED

    delivery = ask(engine, provider, accepted, hours=0.2)

    assert (delivery.status, delivery.last_error) == (DeliveryStatus.EXPIRED, FailureReason.NO_FINAL_RESULT)
    assert provider.asked == ["m-1", "m-1"]


@pytest.mark.parametrize(
    "failure",
    [
        ReceiverUnavailable(FailureReason.RECEIVER_BUSY, "busy"),
        OutcomeUnknown(FailureReason.MALFORMED_REPLY, "<html>"),
    ],
)
def test_nothing_expires_while_the_provider_does_not_answer(
    engine: Engine, provider: ProviderDouble, accepted: OrderEvent, failure: DeliveryFailed
) -> None:
    provider.result_failure = failure
    assert ask(engine, provider, accepted, hours=100.0).status is DeliveryStatus.ACCEPTED
    provider.result_failure = None

    assert ask(engine, provider, accepted).status is DeliveryStatus.EXPIRED


def test_a_provider_without_results_is_not_waited_for(
    engine: Engine, provider: ProviderDouble, accepted: OrderEvent
) -> None:
    provider.results_at_once = 0

    delivery = ask(engine, provider, accepted)

    assert (delivery.status, delivery.last_error) == (DeliveryStatus.EXPIRED, FailureReason.NO_FINAL_RESULT)
    assert provider.questions == []


def test_many_results_take_few_calls_and_statements(
    engine: Engine, accept_order_events: AcceptOrderEvents, sandbox: Sandbox, provider: ProviderDouble
) -> None:
    statements: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    counts = []
    for number in (1, 24):
        accept_order_events([a_completed_order() for _ in range(number)])
        for _ in range(3):
            send(engine, sandbox, provider)
        provider.known = reported({f"m-{n}": ResultState.DELIVERED for n in range(1, 26)})
        provider.questions.clear()
        make_due(engine)
        statements.clear()
        with asking(engine, provider, batch_size=100) as ask_for_results:
            assert ask_for_results(StopSignal()).deliveries == number
        counts.append((len(provider.questions), len(statements)))

    # End what nobody answers; read the provider's state, lock, postpone; lock, read its state, settle.
    assert counts == [(1, 7), (3, 7)]


def test_a_call_that_fails_costs_the_others_nothing(
    engine: Engine, accept_order_events: AcceptOrderEvents, sandbox: Sandbox, provider: ProviderDouble
) -> None:
    orders = [a_completed_order() for _ in range(4)]
    accept_order_events(orders)
    send(engine, sandbox, provider)
    make_due(engine, 100.0)
    provider.known = reported({f"m-{n}": ResultState.DELIVERED for n in range(1, 5)})
    provider.results_at_once = 2
    busy = iter([ReceiverUnavailable(FailureReason.RECEIVER_BUSY, "busy"), None])
    provider.failures_of_results = busy

    with asking(engine, provider) as ask_for_results:
        ask_for_results(StopSignal())

    statuses = sorted(delivery_of(engine, order, ALIMTALK).status for order in orders)
    assert statuses == [DeliveryStatus.ACCEPTED] * 2 + [DeliveryStatus.DELIVERED] * 2


def test_a_result_at_the_last_question_is_not_expired(
    engine: Engine, provider: ProviderDouble, accepted: OrderEvent
) -> None:
    provider.known = reported({"m-1": ResultState.DELIVERED})

    assert ask(engine, provider, accepted, hours=100.0).status is DeliveryStatus.DELIVERED


def test_a_result_that_a_webhook_brings_during_the_last_question_counts(
    engine: Engine, provider: ProviderDouble, accepted: OrderEvent
) -> None:
    record_results = RecordResults(transactions(engine))
    provider.before_result = lambda: record_results("double", [a_result("m-1")])

    assert ask(engine, provider, accepted, hours=100.0).status is DeliveryStatus.DELIVERED


def test_another_providers_questions_are_left_to_the_processes_that_ask_it(
    engine: Engine, provider: ProviderDouble, accepted: OrderEvent
) -> None:
    other = ProviderDouble(name="other", known=reported({"m-1": ResultState.DELIVERED}))
    make_due(engine)

    with asking(engine, other) as ask_for_results:
        assert ask_for_results(StopSignal()).deliveries == 0

    assert other.asked == []
    provider.known = reported({"m-1": ResultState.DELIVERED})
    with asking(engine, provider) as ask_for_results:
        ask_for_results(StopSignal())
    assert delivery_of(engine, accepted, ALIMTALK).status is DeliveryStatus.DELIVERED


def test_another_providers_wait_ends_once_no_process_asks_about_it(
    engine: Engine, accepted: OrderEvent
) -> None:
    other = ProviderDouble(name="other")

    # Due for less than 10 minutes: a process may still ask.
    assert ask(engine, other, accepted, hours=73.0).status is DeliveryStatus.ACCEPTED
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET result_due_at = result_due_at - interval '11 minutes'"))
    with asking(engine, other) as ask_for_results:
        ask_for_results(StopSignal())

    delivery = delivery_of(engine, accepted, ALIMTALK)
    assert (delivery.status, delivery.last_error) == (DeliveryStatus.EXPIRED, FailureReason.NO_FINAL_RESULT)
    assert other.asked == []


@pytest.mark.parametrize("name", ["double", "other"])
def test_a_wait_ends_after_twice_its_time_though_nobody_answers(
    engine: Engine, accepted: OrderEvent, name: str
) -> None:
    silent = ProviderDouble(
        name=name, result_failure=ReceiverUnavailable(FailureReason.RECEIVER_BUSY, "busy")
    )
    assert ask(engine, silent, accepted, hours=143.0).status is DeliveryStatus.ACCEPTED

    delivery = ask(engine, silent, accepted, hours=2.0)

    assert (delivery.status, delivery.last_error) == (DeliveryStatus.EXPIRED, FailureReason.NO_FINAL_RESULT)
    assert [attempt.reason for attempt in history(engine, delivery)] == [FailureReason.NO_FINAL_RESULT]


def history(engine: Engine, delivery: Delivery) -> Sequence[Attempt]:
    with transactions(engine)() as unit_of_work:
        return unit_of_work.attempts.of([delivery.delivery_id])[delivery.delivery_id]


def test_what_a_partial_answer_lacks_does_not_expire(
    engine: Engine, provider: ProviderDouble, accepted: OrderEvent
) -> None:
    provider.unanswered = frozenset({"m-1"})
    assert ask(engine, provider, accepted, hours=100.0).status is DeliveryStatus.ACCEPTED

    provider.unanswered = frozenset()
    assert ask(engine, provider, accepted).status is DeliveryStatus.EXPIRED


class ProviderOfManyGroups(ProviderDouble):
    """Each message is asked for by a call of its own; those with an event in ``held`` wait for it."""

    def __init__(self, held: Mapping[str, Event]) -> None:
        super().__init__()
        self.held = held

    def asked_together(self, awaited: AwaitedResult) -> str:
        return awaited.message_id

    def results(self, awaited: Sequence[AwaitedResult]) -> Answer:
        for each in awaited:
            if each.message_id in self.held:
                assert self.held[each.message_id].wait(30.0)
        return super().results(awaited)


def test_a_slow_call_delays_no_other_result(
    engine: Engine, accept_order_events: AcceptOrderEvents, sandbox: Sandbox
) -> None:
    orders = [a_completed_order() for _ in range(4)]
    accept_order_events(orders)
    released = Event()
    provider = ProviderOfManyGroups({"m-1": released})
    send(engine, sandbox, provider)
    make_due(engine)
    provider.known = reported({f"m-{n}": ResultState.DELIVERED for n in range(1, 5)})

    def delivered() -> int:
        found = [delivery_of(engine, order, ALIMTALK).status for order in orders]
        return found.count(DeliveryStatus.DELIVERED)

    with asking(engine, provider) as ask_for_results, ThreadPoolExecutor(1) as process:
        run = process.submit(ask_for_results, StopSignal())
        try:
            wait_until(lambda: delivered() == 3, "the results of the other calls")
            assert not run.done()
        finally:
            released.set()
        run.result()
    assert delivered() == 4


def test_a_round_makes_no_more_calls_than_allowed_and_the_next_goes_on(
    engine: Engine, accept_order_events: AcceptOrderEvents, sandbox: Sandbox
) -> None:
    accept_order_events([a_completed_order() for _ in range(5)])
    provider = ProviderOfManyGroups({})
    send(engine, sandbox, provider)
    make_due(engine)

    with asking(engine, provider, most_calls=3) as ask_for_results:
        first = ask_for_results(StopSignal())
        second = ask_for_results(StopSignal())

    assert (first.deliveries, first.pause_seconds) == (3, 0.0)
    assert second.deliveries == 2
    assert sorted(provider.asked) == [f"m-{n}" for n in range(1, 6)]


def test_a_stop_asks_nothing_and_expires_nothing(
    engine: Engine, provider: ProviderDouble, accepted: OrderEvent
) -> None:
    stop = StopSignal()
    stop.set()
    make_due(engine, 100.0)

    with asking(engine, provider) as ask_for_results:
        assert ask_for_results(stop).deliveries == 0

    assert delivery_of(engine, accepted, ALIMTALK).status is DeliveryStatus.ACCEPTED


def test_processes_that_ask_at_once_share_the_questions(
    engine: Engine, accept_order_events: AcceptOrderEvents, sandbox: Sandbox, provider: ProviderDouble
) -> None:
    accept_order_events([a_completed_order() for _ in range(8)])
    send(engine, sandbox, provider)
    make_due(engine)

    with asking(engine, provider, batch_size=3) as ask_for_results, ThreadPoolExecutor(3) as processes:
        list(processes.map(lambda _: ask_for_results(StopSignal()), range(3)))

    assert len(provider.asked) == len(set(provider.asked)) == 8


def test_what_finally_failed_is_sent_once_more_by_a_retry(
    engine: Engine, sandbox: Sandbox, provider: ProviderDouble, accepted: OrderEvent
) -> None:
    provider.known = reported({"m-1": ResultState.FAILED})
    ask(engine, provider, accepted)
    retry_deliveries(engine, DeliverySelection(RETRYABLE), reason="unblocked")

    send(engine, sandbox, provider)

    assert len(provider.sent) == 2
    provider.known |= reported({"m-2": ResultState.DELIVERED})
    # Too late: it is about the message before.
    RecordResults(transactions(engine))("double", [a_result("m-1", by_sms=True)])
    assert delivery_of(engine, accepted, ALIMTALK).status is DeliveryStatus.ACCEPTED
    assert ask(engine, provider, accepted).status is DeliveryStatus.DELIVERED


def retry(engine: Engine) -> None:
    assert retry_deliveries(engine, DeliverySelection(RETRYABLE), reason="again") == 1


def test_a_retry_that_times_out_is_found_and_not_sent_again(
    engine: Engine, sandbox: Sandbox, provider: ProviderDouble, accepted: OrderEvent
) -> None:
    provider.known = reported({"m-1": ResultState.FAILED})
    ask(engine, provider, accepted)
    retry(engine)
    provider.failures = [OutcomeUnknown(FailureReason.NO_REPLY, "lost")]
    provider.accepts_silently = True

    send(engine, sandbox, provider)
    assert delivery_of(engine, accepted, ALIMTALK).status is DeliveryStatus.UNKNOWN
    look_up(engine, sandbox, provider)

    assert len(provider.sent) == 2
    provider.known |= reported({"m-2": ResultState.DELIVERED})
    assert ask(engine, provider, accepted).status is DeliveryStatus.DELIVERED


def test_each_message_that_failed_is_ignored_by_the_next_retry(
    engine: Engine, sandbox: Sandbox, provider: ProviderDouble, accepted: OrderEvent
) -> None:
    for number in (1, 2, 3):
        provider.known |= reported({f"m-{number}": ResultState.FAILED})
        assert ask(engine, provider, accepted).status is DeliveryStatus.FAILED
        retry(engine)
        send(engine, sandbox, provider)
        assert len(provider.sent) == number + 1


def test_what_failed_too_late_is_sent_once_more_by_a_retry(
    engine: Engine, sandbox: Sandbox, provider: ProviderDouble, accepted: OrderEvent
) -> None:
    assert ask(engine, provider, accepted, hours=73.0).status is DeliveryStatus.EXPIRED
    RecordResults(transactions(engine))("double", [a_result(state=ResultState.FAILED)])
    retry(engine)

    send(engine, sandbox, provider)

    assert len(provider.sent) == 2


def test_what_expired_is_looked_up_and_not_sent_again_by_a_retry(
    engine: Engine, sandbox: Sandbox, provider: ProviderDouble, accepted: OrderEvent
) -> None:
    ask(engine, provider, accepted, hours=73.0)
    retry_deliveries(engine, DeliverySelection(RETRYABLE), reason="it was away")

    send(engine, sandbox, provider)

    assert len(provider.sent) == 1
    assert delivery_of(engine, accepted, ALIMTALK).status is DeliveryStatus.ACCEPTED


def test_what_expired_at_one_provider_is_not_sent_by_another(
    engine: Engine, sandbox: Sandbox, provider: ProviderDouble, accepted: OrderEvent
) -> None:
    ask(engine, provider, accepted, hours=73.0)
    retry_deliveries(engine, DeliverySelection(RETRYABLE), reason="it was away")
    other = ProviderDouble(name="other")

    send(engine, sandbox, other)

    assert other.sent == []
    assert delivery_of(engine, accepted, ALIMTALK).status is DeliveryStatus.UNKNOWN


def test_what_failed_at_one_provider_is_sent_by_another(
    engine: Engine, sandbox: Sandbox, provider: ProviderDouble, accepted: OrderEvent
) -> None:
    provider.known = reported({"m-1": ResultState.FAILED})
    ask(engine, provider, accepted)
    retry_deliveries(engine, DeliverySelection(RETRYABLE), reason="blocked there")
    other = ProviderDouble(name="other")

    send(engine, sandbox, other)

    assert len(other.sent) == 1


@pytest.fixture
def retried(engine: Engine, provider: ProviderDouble, accepted: OrderEvent) -> OrderEvent:
    """An order whose message m-1 has failed, and is to be sent once more."""
    provider.known = reported({"m-1": ResultState.FAILED})
    ask(engine, provider, accepted)
    retry(engine)
    return accepted


def report_late(engine: Engine, message_id: str = "m-1") -> None:
    """The provider says that what it had reported as failed has arrived."""
    recorded = RecordResults(transactions(engine))("double", [a_result(message_id)])
    assert recorded.unknown == 0


def test_a_failed_message_that_arrived_is_not_sent_once_more(
    engine: Engine, sandbox: Sandbox, provider: ProviderDouble, retried: OrderEvent
) -> None:
    with capture_logs() as logs:
        report_late(engine)
        report = RecordResults(transactions(engine))("double", [a_result("m-1"), a_result("m-9")])

    send(engine, sandbox, provider)
    delivery = delivery_of(engine, retried, ALIMTALK)
    assert (delivery.status, delivery.due_at) == (DeliveryStatus.DELIVERED, None)
    assert len(provider.sent) == 1
    last = history(engine, delivery)[-1]
    assert (last.outcome, last.message_id) == (AttemptOutcome.DELIVERED, "m-1")
    lines = [line for line in logs if line["event"] == "failed_message_arrived"]
    assert [(line["is_settled"], line["log_level"]) for line in lines] == [(True, "warning")]
    assert (report.changed, report.unknown) == (0, 2)


def test_a_message_of_two_retries_ago_that_arrived_is_not_sent_once_more(
    engine: Engine, sandbox: Sandbox, provider: ProviderDouble, retried: OrderEvent
) -> None:
    send(engine, sandbox, provider)
    provider.known |= reported({"m-2": ResultState.FAILED})
    assert ask(engine, provider, retried).status is DeliveryStatus.FAILED
    retry(engine)

    report_late(engine)

    send(engine, sandbox, provider)
    assert len(provider.sent) == 2
    assert delivery_of(engine, retried, ALIMTALK).status is DeliveryStatus.DELIVERED


def test_a_failed_message_that_arrived_after_the_next_one_is_only_logged(
    engine: Engine, sandbox: Sandbox, provider: ProviderDouble, retried: OrderEvent
) -> None:
    send(engine, sandbox, provider)

    with capture_logs() as logs:
        report_late(engine)

    assert delivery_of(engine, retried, ALIMTALK).status is DeliveryStatus.ACCEPTED
    lines = [line["is_settled"] for line in logs if line["event"] == "failed_message_arrived"]
    assert lines == [False]
    provider.known |= reported({"m-2": ResultState.DELIVERED})
    assert ask(engine, provider, retried).status is DeliveryStatus.DELIVERED


def test_a_failed_message_that_arrived_during_a_refused_attempt_is_found(
    engine: Engine, sandbox: Sandbox, provider: ProviderDouble, retried: OrderEvent
) -> None:
    provider.before_send = lambda: report_late(engine)
    provider.failures = [ProviderThrottled(FailureReason.RECEIVER_BUSY, "busy")]
    send(engine, sandbox, provider)
    assert delivery_of(engine, retried, ALIMTALK).status is DeliveryStatus.PENDING
    provider.before_send = lambda: None
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET due_at = clock_timestamp() WHERE status = 'PENDING'"))

    send(engine, sandbox, provider)

    assert len(provider.sent) == 1
    assert delivery_of(engine, retried, ALIMTALK).status is DeliveryStatus.ACCEPTED


@pytest.mark.parametrize("state", [ResultState.FAILED, ResultState.UNKNOWN, ResultState.ACCEPTED])
def test_another_report_on_a_failed_message_changes_nothing(
    engine: Engine, sandbox: Sandbox, provider: ProviderDouble, retried: OrderEvent, state: ResultState
) -> None:
    RecordResults(transactions(engine))("double", [a_result("m-1", state)])
    RecordResults(transactions(engine))("other", [a_result("m-1")])

    send(engine, sandbox, provider)

    assert len(provider.sent) == 2
