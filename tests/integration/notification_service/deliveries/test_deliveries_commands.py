"""``notification-service deliveries``: what failed is listed, attempted again, or given up."""

import json

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.cli import main
from notification_service.domain.delivery import DeliveryStatus, Effect
from notification_service.domain.order_event import OrderEvent
from servicekit.identifiers import uuid7
from tests.integration.notification_service.effect_work import delivering, delivery_of, run_until_final
from tests.support.notification_builders import a_completed_order
from tests.support.sandbox import Sandbox

WHO_AND_WHY = ["--by", "kim", "--reason", "the provider was down"]


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["deliveries", *arguments], env={"DATABASE_URL": url})


@pytest.fixture
def failed(accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox) -> OrderEvent:
    """An order whose alimtalk the provider has rejected."""
    order = a_completed_order()
    accept_order_events([order])
    sandbox.control(alimtalk={"rejectNext": 1})
    with delivering(engine, Effect.ALIMTALK, sandbox) as work:
        run_until_final(work, engine, [order], Effect.ALIMTALK)
    return order


def test_what_failed_is_listed(migrated_url: str, engine: Engine, failed: OrderEvent) -> None:
    listed = run(migrated_url, "list", "--json")
    table = run(migrated_url, "list", "--effect", "alimtalk")
    nothing = run(migrated_url, "list", "--effect", "MONITORING")

    delivery = delivery_of(engine, failed, Effect.ALIMTALK)
    (found,) = json.loads(listed.stdout)
    assert (found["deliveryId"], found["lastError"]) == (str(delivery.delivery_id), "REJECTED")
    assert table.stdout.splitlines()[0].startswith("DELIVERY ID")
    assert str(failed.order_id) in table.stdout
    assert nothing.stdout == "no deliveries\n"


def test_what_failed_is_attempted_again(
    migrated_url: str, engine: Engine, sandbox: Sandbox, failed: OrderEvent
) -> None:
    delivery_id = str(delivery_of(engine, failed, Effect.ALIMTALK).delivery_id)

    retried = run(migrated_url, "retry", delivery_id, *WHO_AND_WHY)

    assert (retried.exit_code, retried.stdout) == (0, "1 to be attempted again\n")
    with delivering(engine, Effect.ALIMTALK, sandbox) as work:
        (delivery,) = run_until_final(work, engine, [failed], Effect.ALIMTALK)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 2)
    assert sandbox.references() == [str(failed.event_id)]
    with engine.connect() as connection:
        row = connection.execute(
            text("SELECT retried_by, retry_reason FROM delivery WHERE retried_at IS NOT NULL")
        ).one()
    assert tuple(row) == ("kim", "the provider was down")


def test_all_that_failed_is_attempted_again_once_it_is_confirmed(
    migrated_url: str, engine: Engine, failed: OrderEvent
) -> None:
    assert run(migrated_url, "retry", "--all", "--effect", "MONITORING", *WHO_AND_WHY).exit_code == 1
    assert run(migrated_url, "retry", "--all", "--status", "EXPIRED", *WHO_AND_WHY).exit_code == 1
    counted = run(migrated_url, "retry", "--all", *WHO_AND_WHY)
    assert counted.stdout == "1 would be attempted again; add --yes to do it\n"
    assert delivery_of(engine, failed, Effect.ALIMTALK).status == DeliveryStatus.FAILED

    assert run(migrated_url, "retry", "--all", "--yes", *WHO_AND_WHY).stdout == "1 to be attempted again\n"


def test_what_is_pending_is_given_up_once_it_is_confirmed(
    migrated_url: str, engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    chosen = ["give-up", "--all", "--effect", "ALIMTALK", *WHO_AND_WHY]

    counted = run(migrated_url, *chosen)
    assert counted.stdout == "1 would be given up; add --yes to do it\n"
    assert delivery_of(engine, order, Effect.ALIMTALK).status == DeliveryStatus.PENDING

    assert run(migrated_url, *chosen, "--yes").stdout == "1 given up\n"

    found = delivery_of(engine, order, Effect.ALIMTALK)
    assert (found.status, found.due_at) == (DeliveryStatus.GIVEN_UP, None)
    assert found.completed_at is not None
    assert delivery_of(engine, order, Effect.MONITORING).status == DeliveryStatus.PENDING
    with engine.connect() as connection:
        row = connection.execute(
            text("SELECT given_up_by, give_up_reason FROM delivery WHERE status = 'GIVEN_UP'")
        ).one()
    assert tuple(row) == ("kim", "the provider was down")
    assert run(migrated_url, "retry", str(found.delivery_id), *WHO_AND_WHY).exit_code == 0


def test_what_has_ended_is_not_given_up(migrated_url: str, engine: Engine, failed: OrderEvent) -> None:
    delivery_id = str(delivery_of(engine, failed, Effect.ALIMTALK).delivery_id)

    refused = run(migrated_url, "give-up", delivery_id, "--yes", *WHO_AND_WHY)

    assert refused.stdout == "0 given up\n"
    assert delivery_of(engine, failed, Effect.ALIMTALK).status == DeliveryStatus.FAILED


def test_a_delivery_is_shown_with_its_attempts(migrated_url: str, engine: Engine, failed: OrderEvent) -> None:
    delivery_id = str(delivery_of(engine, failed, Effect.ALIMTALK).delivery_id)

    shown = json.loads(run(migrated_url, "show", delivery_id, "--json").stdout)
    table = run(migrated_url, "show", delivery_id).stdout
    missing = run(migrated_url, "show", str(failed.order_id))

    (attempt,) = shown["attemptHistory"]
    assert (shown["status"], attempt["outcome"], attempt["reason"]) == ("FAILED", "REJECTED", "REJECTED")
    assert {"NUMBER", "REJECTED", "sandbox"} <= set(table.split())
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert str(failed.order_id) in missing.stderr


def test_an_alimtalk_without_its_recipient_is_not_retried(
    migrated_url: str, engine: Engine, failed: OrderEvent
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE completed_order SET recipient_name = NULL, recipient_phone = NULL"))

    retried = run(migrated_url, "retry", "--all", *WHO_AND_WHY)

    assert (retried.exit_code, retried.stdout) == (1, "")
    assert "no delivery that can be retried matches" in retried.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["retry", "--all", "--by", "kim"],
        ["retry", "--all", "--by", " ", "--reason", "x"],
        ["retry", *WHO_AND_WHY],
        ["retry", str(uuid7()), "--all", *WHO_AND_WHY],
        ["retry", "7", *WHO_AND_WHY],
        ["retry", "--all", "--status", "PENDING", *WHO_AND_WHY],
        ["give-up", "--all", "--by", "kim"],
        ["give-up", *WHO_AND_WHY],
        ["give-up", "--all", "--status", "FAILED", *WHO_AND_WHY],
        ["show"],
        ["show", "7"],
        ["list", "--status", "LOST"],
        ["list", "--limit", "0"],
    ],
)
def test_bad_arguments_are_refused_in_one_line(arguments: list[str]) -> None:
    refused = run("postgresql://u:p@127.0.0.1:1/notification", *arguments)

    assert refused.exit_code == 2
    assert len(refused.stderr.splitlines()) == 1
    assert "Traceback" not in refused.stderr
