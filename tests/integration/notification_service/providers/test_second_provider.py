"""A second provider takes over, and no message is sent by both, or by none."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine, text

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.domain.order_event import OrderEvent
from notification_service.domain.provider_state import (
    ProbePolicy,
    ProviderStatus,
    StoppedBy,
    suspended,
)
from tests.integration.notification_service.effect_work import transactions
from tests.integration.notification_service.limited_work import alimtalk_statuses
from tests.integration.notification_service.providers.failing_wire import Condition, Weather
from tests.integration.notification_service.providers.killed_processes import settings_for, supervised
from tests.support.notification_builders import a_completed_order
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until

HEALTHY, REFUSING, MUTE, HANGING = Condition
ORDERS_AT_A_TIME = 40
# SOLAPI's, then NHN's. Both hang once; NHN, which is back first, then has both providers' new messages.
CONDITIONS = (
    (HEALTHY, HEALTHY),
    (MUTE, HEALTHY),
    (HEALTHY, HANGING),
    (HANGING, HANGING),
    (REFUSING, HEALTHY),
)
_NOT_ATTEMPTED = text("""
    SELECT count(*) FROM delivery
     WHERE effect = 'ALIMTALK' AND NOT EXISTS (
           SELECT FROM delivery_attempt AS attempt
            WHERE attempt.delivery_id = delivery.delivery_id AND attempt.outcome IN ('ACCEPTED', 'UNKNOWN'))
""")
_PROVIDERS = text("SELECT provider FROM delivery WHERE effect = 'ALIMTALK'")
_numbers = count()


@pytest.fixture
def sandbox(own_sandbox: Sandbox) -> Sandbox:
    own_sandbox.control(nhn={"resultDelayMs": 100}, solapi={"resultDelayMs": 100})
    return own_sandbox


def some_orders(number: int, **changes: Any) -> list[OrderEvent]:
    """Each to a number of its own: SOLAPI looks a message up by its number."""
    return [
        a_completed_order(
            **{"completed_at": datetime.now(UTC), "phone": f"010-{next(_numbers):08}", **changes}
        )
        for _ in range(number)
    ]


def watch(engine: Engine) -> None:
    with transactions(engine)() as unit_of_work:
        unit_of_work.providers.watch(["solapi", "nhn"])
        unit_of_work.commit()
    # Long before the orders: nothing is missing yet.
    with engine.begin() as connection:
        connection.execute(text("UPDATE alimtalk_provider SET watched_since = '2026-01-01'"))


def set_first_down(engine: Engine) -> None:
    with transactions(engine)() as unit_of_work:
        first = unit_of_work.providers.lock("solapi")
        policy = ProbePolicy(suspended_seconds=600.0)
        unit_of_work.providers.change(suspended(first, "1030", StoppedBy.CALL, policy))
        unit_of_work.commit()


def forget(engine: Engine) -> None:
    """The database as a backup has it that was made before the orders, five minutes ago."""
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE delivery, delivery_attempt, completed_order, inbox CASCADE"))
        connection.execute(
            text(
                "UPDATE alimtalk_provider SET status = 'RUNNING', stopped_by = NULL, next_probe_at = NULL,"
                " reason = NULL, watched_at = clock_timestamp() - interval '5 minutes'"
            )
        )


def statuses_of_providers(engine: Engine) -> dict[str, ProviderStatus]:
    with transactions(engine)() as unit_of_work:
        return {state.name: state.status for state in unit_of_work.providers.all()}


def is_all_attempted(engine: Engine) -> bool:
    """A provider has each message, or may have it."""
    with engine.connect() as connection:
        return not connection.execute(_NOT_ATTEMPTED).scalar_one()


def is_all_final(engine: Engine) -> bool:
    # In place of the time that passes until results are asked for.
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE delivery SET result_due_at = clock_timestamp() WHERE result_due_at IS NOT NULL")
        )
    return not alimtalk_statuses(engine).keys() & {"PENDING", "SENDING", "UNKNOWN", "ACCEPTED"}


def test_providers_fail_and_processes_die_and_nothing_is_lost_or_doubled(
    engine: Engine, sandbox: Sandbox, accept_order_events: AcceptOrderEvents
) -> None:
    weather = Weather()
    orders: list[OrderEvent] = []

    def accept(number: int) -> Sequence[OrderEvent]:
        new = some_orders(number)
        accept_order_events(new)
        orders.extend(new)
        return new

    with supervised(engine, settings_for(sandbox.url), weather, 2):
        for solapi, nhn in CONDITIONS:
            weather.conditions = {"solapi": solapi, "nhn": nhn}
            accept(ORDERS_AT_A_TIME)
            if HEALTHY in (solapi, nhn):
                wait_until(lambda: is_all_attempted(engine), f"messages while {solapi, nhn}", 120)
            else:
                wait_until(
                    lambda: ProviderStatus.RUNNING not in statuses_of_providers(engine).values(),
                    "both breakers to open",
                )
        weather.conditions = {"solapi": HEALTHY, "nhn": HEALTHY}
        weather.kills = False
        wait_until(
            lambda: statuses_of_providers(engine)["solapi"] is ProviderStatus.RUNNING, "SOLAPI to be back"
        )
        late = accept(ORDERS_AT_A_TIME)
        wait_until(lambda: is_all_final(engine), "each delivery to be final", 120)

    sent = {name: sandbox.sends(name) for name in ("solapi", "nhn")}
    expected = {str(order.event_id) for order in orders}
    both = sent["solapi"] + sent["nhn"]
    seen = f"{len(orders)} orders, {[len(each) for each in sent.values()]} messages, {dict(weather.seen)}"
    assert {reference: number for reference, number in both.items() if number > 1} == {}, f"doubled: {seen}"
    assert expected - both.keys() == set(), f"lost: {seen}"
    assert alimtalk_statuses(engine) == {"DELIVERED": len(orders)}, seen
    assert min(sandbox.batches(name) for name in sent) > 0, seen
    assert not sent["nhn"].keys() & {str(order.event_id) for order in late}, "new ones go back to the first"
    assert min(len(each) for each in sent.values()) > ORDERS_AT_A_TIME, seen
    assert weather.seen["accepted without a reply"] >= 0.05 * len(orders), seen
    for point in ("before a call", "after a call", "before a commit", "after a commit"):
        assert weather.seen[f"killed {point}"] >= 3, seen


def test_after_a_restored_backup_neither_repeats_what_the_other_has_sent(
    engine: Engine, sandbox: Sandbox, accept_order_events: AcceptOrderEvents
) -> None:
    orders = some_orders(10, completed_at=datetime.now(UTC) - timedelta(minutes=2))
    accept_order_events(orders)
    watch(engine)
    settings, weather = settings_for(sandbox.url), Weather(kills=False)
    # The second provider sends them, and the database forgets it.
    set_first_down(engine)
    with supervised(engine, settings, weather, 1):
        wait_until(lambda: is_all_attempted(engine), "NHN to have all", 60)
    forget(engine)
    accept_order_events(orders)
    with supervised(engine, settings, weather, 1):
        wait_until(lambda: is_all_final(engine), "each delivery to be final", 120)

    assert sandbox.sends("nhn") == {str(order.event_id): 1 for order in orders}
    assert sandbox.sends("solapi") == {}
    with engine.connect() as connection:
        assert set(connection.execute(_PROVIDERS).scalars()) == {"nhn"}
