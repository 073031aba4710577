"""``notification-service deliveries``: what was given up is listed and attempted again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from notification_service.application.accept_completed_orders import AcceptCompletedOrders
from notification_service.domain.completed_order import CompletedOrder
from notification_service.domain.delivery import DeliveryStatus, Effect
from servicekit.identifiers import uuid7
from tests.integration.notification_service.builders import a_completed_order
from tests.integration.notification_service.effect_work import delivering, delivery_of, run_until_final
from tests.support.sandbox import Sandbox

COMMAND = str(Path(sys.executable).parent / "notification-service")
WHO_AND_WHY = ["--by", "kim", "--reason", "the provider was down"]


def run(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "deliveries", *arguments],
        env={"DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def given_up(
    accept_completed_orders: AcceptCompletedOrders, engine: Engine, sandbox: Sandbox
) -> CompletedOrder:
    """An order whose alimtalk the provider has rejected."""
    order = a_completed_order()
    accept_completed_orders([order])
    sandbox.control(alimtalk={"rejectNext": 1})
    with delivering(engine, Effect.ALIMTALK, sandbox) as work:
        run_until_final(work, engine, [order], Effect.ALIMTALK)
    return order


def test_what_was_given_up_is_listed(migrated_url: str, engine: Engine, given_up: CompletedOrder) -> None:
    listed = run(migrated_url, "list", "--json")
    table = run(migrated_url, "list", "--effect", "alimtalk")
    nothing = run(migrated_url, "list", "--effect", "MONITORING")

    delivery = delivery_of(engine, given_up, Effect.ALIMTALK)
    (found,) = json.loads(listed.stdout)
    assert (found["deliveryId"], found["lastError"]) == (str(delivery.delivery_id), "REJECTED")
    assert table.stdout.splitlines()[0].startswith("DELIVERY ID")
    assert str(given_up.order_id) in table.stdout
    assert nothing.stdout == "no deliveries\n"


def test_what_was_given_up_is_attempted_again(
    migrated_url: str, engine: Engine, sandbox: Sandbox, given_up: CompletedOrder
) -> None:
    delivery_id = str(delivery_of(engine, given_up, Effect.ALIMTALK).delivery_id)

    retried = run(migrated_url, "retry", delivery_id, *WHO_AND_WHY)

    assert (retried.returncode, retried.stdout) == (0, "1 to be attempted again\n")
    with delivering(engine, Effect.ALIMTALK, sandbox) as work:
        (delivery,) = run_until_final(work, engine, [given_up], Effect.ALIMTALK)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 2)
    assert sandbox.references() == [str(given_up.event_id)]
    with engine.connect() as connection:
        row = connection.execute(
            text("SELECT retried_by, retry_reason FROM delivery WHERE retried_at IS NOT NULL")
        ).one()
    assert tuple(row) == ("kim", "the provider was down")


def test_all_that_was_given_up_is_attempted_again(migrated_url: str, given_up: CompletedOrder) -> None:
    assert run(migrated_url, "retry", "--all", "--effect", "MONITORING", *WHO_AND_WHY).returncode == 1
    assert run(migrated_url, "retry", "--all", *WHO_AND_WHY).stdout == "1 to be attempted again\n"


def test_an_alimtalk_without_its_recipient_is_not_retried(
    migrated_url: str, engine: Engine, given_up: CompletedOrder
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE completed_order SET recipient_name = NULL, recipient_phone = NULL"))

    retried = run(migrated_url, "retry", "--all", *WHO_AND_WHY)

    assert (retried.returncode, retried.stdout) == (1, "")
    assert "no delivery that can be retried matches" in retried.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["retry", "--all", "--by", "kim"],
        ["retry", "--all", "--by", " ", "--reason", "x"],
        ["retry", *WHO_AND_WHY],
        ["retry", str(uuid7()), "--all", *WHO_AND_WHY],
        ["retry", "7", *WHO_AND_WHY],
        ["list", "--status", "LOST"],
        ["list", "--limit", "0"],
    ],
)
def test_bad_arguments_are_refused_in_one_line(arguments: list[str]) -> None:
    refused = run("postgresql://u:p@127.0.0.1:1/notification", *arguments)

    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert "Traceback" not in refused.stderr
