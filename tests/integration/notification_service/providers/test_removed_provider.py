"""What a provider may have that was removed from the settings: an operator's retry sends it by another.

Its message may yet arrive.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from notification_service.api import build_application
from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.change_delivery import ChangeDelivery, ChangeDeliveryCommand
from notification_service.application.record_results import RecordedResults, RecordResults
from notification_service.cli import main
from notification_service.domain.attempt import Released, Unclear
from notification_service.domain.attempt_history import AttemptOutcome
from notification_service.domain.delivery import Delivery, DeliveryStatus, Effect
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.operator_action import DeliveryChange, OperatorAction
from notification_service.domain.order_event import OrderEvent
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import delivery_of, transactions
from tests.integration.notification_service.limited_work import MeteredProvider, consumers
from tests.support.notification_builders import a_completed_order
from tests.support.provider_double import a_result

WHY = {"by": "kim", "reason": "not in their console"}
OPTIONS = ["--by", "kim", "--reason", "not in their console"]
WARNING = "1 may be at sens, which no consumer uses and nobody asks: a recipient may get it twice"
STATUSES = {
    "UNKNOWN": "due_at = NULL",
    "EXPIRED": "accepted_at = now(), reference = 'm-0', completed_at = now()",
    "GIVEN_UP": "due_at = NULL, completed_at = now()",
}


@pytest.fixture
def order(engine: Engine, accept_order_events: AcceptOrderEvents) -> OrderEvent:
    """One whose message SENS may have: the reply was lost."""
    order = a_completed_order()
    accept_order_events([order])
    with transactions(engine)() as unit_of_work:
        (claimed,) = unit_of_work.claims.claim(Effect.ALIMTALK, 1, 20.0, "sens")
        unit_of_work.claims.record([Unclear(claimed, None, FailureReason.NO_REPLY, possibly_sent=True)])
        unit_of_work.commit()
    return order


def watch(engine: Engine, *names: str) -> None:
    """Consumers use these providers."""
    with transactions(engine)() as unit_of_work:
        unit_of_work.providers.watch(names)
        unit_of_work.commit()


def put(engine: Engine, status: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                f"UPDATE delivery SET status = '{status}', {STATUSES[status]}"  # noqa: S608 - our own text
                " WHERE effect = 'ALIMTALK'"
            )
        )


def alimtalk(engine: Engine, order: OrderEvent) -> Delivery:
    return delivery_of(engine, order, Effect.ALIMTALK)


def retried(engine: Engine, order: OrderEvent) -> DeliveryChange:
    delivery_id = alimtalk(engine, order).delivery_id
    command = ChangeDeliveryCommand(delivery_id, OperatorAction.RETRY, WHY["by"], WHY["reason"])
    return ChangeDelivery(transactions(engine))(command).result


def nhn_works(engine: Engine) -> list[str]:
    """What NHN has been sent."""
    provider = MeteredProvider("nhn")
    with consumers(engine, provider) as (work,):
        work(StopSignal())
    return provider.sent


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["deliveries", *arguments], env={"DATABASE_URL": url})


def warnings(done: Result) -> list[str]:
    """Those beside the log."""
    return [line for line in done.stderr.splitlines() if line.startswith("warning")]


@pytest.mark.parametrize("status", STATUSES)
def test_a_retry_sends_by_the_provider_that_is_used(status: str, engine: Engine, order: OrderEvent) -> None:
    watch(engine, "nhn")
    put(engine, status)

    change = retried(engine, order)

    assert change.removed == {"sens": 1}
    assert nhn_works(engine) == [str(order.event_id)]
    delivery = alimtalk(engine, order)
    assert delivery.status == DeliveryStatus.DELIVERED
    assert [attempt.provider for attempt in delivery.history] == ["sens", "nhn"]
    assert delivery.retried is not None
    assert (delivery.retried.by, delivery.retried.reason) == ("kim", "not in their console")


@pytest.mark.parametrize("used", [["sens"], ["nhn", "sens"], []], ids=["it", "both", "none"])
def test_what_a_provider_may_have_that_is_not_removed_stays_there(
    used: list[str], engine: Engine, order: OrderEvent
) -> None:
    watch(engine, *used)

    change = retried(engine, order)

    assert (change.removed, nhn_works(engine)) == ({}, [])
    # Without a consumer that uses SENS, the courier of NHN says that it can't be asked.
    assert alimtalk(engine, order).status == (DeliveryStatus.PENDING if used else DeliveryStatus.UNKNOWN)


def test_what_surely_was_not_sent_needs_no_warning(
    engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    watch(engine, "nhn")
    with engine.begin() as connection:
        statement = "UPDATE delivery SET provider = 'sens', attempts = 1 WHERE effect = 'ALIMTALK'"
        connection.execute(text(statement))
    put(engine, "GIVEN_UP")

    assert retried(engine, order).removed == {}
    assert nhn_works(engine) == [str(order.event_id)]


def test_a_retry_over_http_warns_and_so_does_its_repetition(engine: Engine, order: OrderEvent) -> None:
    watch(engine, "nhn")
    client: FlaskClient = build_application(engine).test_client()
    path = f"/api/v1/deliveries/{alimtalk(engine, order).delivery_id}/retry"

    first, again = (client.post(path, json=WHY, headers={"Idempotency-Key": "k"}) for _ in range(2))

    assert (first.status_code, first.get_json()["warning"]) == (200, WARNING)
    assert again.get_json() == first.get_json()


def test_all_that_are_named_by_their_status_are_sent_with_a_warning(
    engine: Engine, order: OrderEvent
) -> None:
    watch(engine, "nhn")
    client: FlaskClient = build_application(engine).test_client()
    body = {**WHY, "status": ["UNKNOWN"]}

    counted = client.post("/api/v1/deliveries/retry", json=body).get_json()
    assert nhn_works(engine) == []
    done, again = (
        client.post(
            "/api/v1/deliveries/retry", json={**body, "expectedCount": 1}, headers={"Idempotency-Key": "k"}
        ).get_json()
        for _ in range(2)
    )

    assert (counted["matching"], counted["warning"]) == (1, WARNING)
    assert (done["changed"], done["warning"], again) == (1, WARNING, done)
    assert nhn_works(engine) == [str(order.event_id)]


def test_all_that_was_given_up_leaves_what_may_have_arrived(
    migrated_url: str, engine: Engine, order: OrderEvent
) -> None:
    watch(engine, "nhn")
    put(engine, "GIVEN_UP")

    done = run(migrated_url, "retry", "--all", "--yes", *OPTIONS)

    assert (done.exit_code, warnings(done)) == (0, [])
    assert nhn_works(engine) == []
    # An operator is asked to decide.
    assert alimtalk(engine, order).status == DeliveryStatus.UNKNOWN


@pytest.mark.parametrize("confirmed", [False, True])
def test_the_command_warns_before_and_after(
    confirmed: bool, migrated_url: str, engine: Engine, order: OrderEvent
) -> None:
    watch(engine, "nhn")
    options = ["--yes"] if confirmed else []

    done = run(migrated_url, "retry", "--all", "--status", "unknown", *OPTIONS, *options)

    assert (done.exit_code, warnings(done)) == (0, [f"warning: {WARNING}"])
    assert nhn_works(engine) == ([str(order.event_id)] if confirmed else [])


def reported_by_sens(engine: Engine, order: OrderEvent, times: int = 1) -> list[RecordedResults]:
    """SENS's webhook says that its message has arrived."""
    record = RecordResults(transactions(engine))
    result = a_result("m-0", reference=str(order.event_id))
    return [record("sens", [result]) for _ in range(times)]


def arrivals(logs: Sequence[Mapping[str, Any]]) -> list[tuple[object, ...]]:
    fields = ("log_level", "provider", "message_id", "is_settled", "may_be_doubled")
    return [tuple(line[name] for name in fields) for line in logs if line["event"] == "freed_message_arrived"]


@pytest.mark.parametrize("status", STATUSES)
def test_a_message_that_arrived_beside_another_is_seen(
    status: str, engine: Engine, order: OrderEvent
) -> None:
    watch(engine, "nhn")
    put(engine, status)
    retried(engine, order)
    assert nhn_works(engine) == [str(order.event_id)]

    with capture_logs() as logs:
        first, again = reported_by_sens(engine, order, times=2)

    assert (first, again) == (RecordedResults(0, 0, doubled=1), RecordedResults(0, 1))
    assert arrivals(logs) == [("warning", "sens", "m-0", False, True)]
    delivery = alimtalk(engine, order)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 2)
    assert [(each.provider, each.outcome, each.message_id) for each in delivery.history] == [
        ("sens", AttemptOutcome.DELIVERED, "m-0"),
        ("nhn", AttemptOutcome.DELIVERED, "m-1"),
    ]


@pytest.mark.parametrize("status", STATUSES)
def test_a_message_that_arrived_before_another_was_sent_spares_it(
    status: str, engine: Engine, order: OrderEvent
) -> None:
    watch(engine, "nhn")
    put(engine, status)
    retried(engine, order)

    with capture_logs() as logs:
        reported_by_sens(engine, order, times=2)

    assert nhn_works(engine) == []
    assert arrivals(logs) == [("warning", "sens", "m-0", True, False)]
    delivery = alimtalk(engine, order)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 2)
    assert (delivery.history[-1].outcome, delivery.history[-1].message_id) == (
        AttemptOutcome.DELIVERED,
        "m-0",
    )


def test_a_message_that_arrived_while_another_is_sent_leaves_that_attempt(
    engine: Engine, order: OrderEvent
) -> None:
    watch(engine, "nhn")
    retried(engine, order)
    with transactions(engine)() as unit_of_work:
        (claimed,) = unit_of_work.claims.claim(Effect.ALIMTALK, 1, 20.0, "nhn")
        unit_of_work.commit()

    (recorded,) = reported_by_sens(engine, order)
    with transactions(engine)() as unit_of_work:
        unit_of_work.claims.record([Released(claimed)])
        unit_of_work.commit()

    assert recorded.doubled == 1
    # Released, it is claimed again, under the same number.
    assert nhn_works(engine) == [str(order.event_id)]
    assert [each.number for each in alimtalk(engine, order).history] == [1, 2]


@pytest.mark.parametrize("reference", ["no event", None, "00000000-0000-7000-8000-000000000000"])
def test_what_a_result_of_another_order_says_is_not_known(
    reference: str | None, engine: Engine, order: OrderEvent
) -> None:
    watch(engine, "nhn")
    retried(engine, order)

    recorded = RecordResults(transactions(engine))("sens", [a_result("m-0", reference=reference)])

    assert recorded == RecordedResults(0, 1)
    assert alimtalk(engine, order).status == DeliveryStatus.PENDING
