"""The gauges that call an operator: counted in the database, the same in every consumer."""

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.measure_notifications import MeasureNotifications
from notification_service.domain.order_event import OrderEvent
from notification_service.domain.provider_state import ProviderStatus
from notification_service.metrics import show_figures
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import transactions
from tests.integration.notification_service.limited_work import MeteredProvider, set_state
from tests.support.database_faults import read_only
from tests.support.notification_builders import a_completed_order

NHN = MeteredProvider()
LATER = "due_at = clock_timestamp() + interval '1 minute'"
TRIED = "first_attempted_at = clock_timestamp() - interval '16 minutes'"


def ended(ago: str) -> str:
    return f"due_at = NULL, completed_at = clock_timestamp() - interval '{ago}'"


def accepted(ago: str) -> str:
    return f"""
        provider = 'nhn', reference = 'm-1', due_at = NULL, result_due_at = clock_timestamp(),
        accepted_at = clock_timestamp() - interval '{ago}'
    """


def gauges(engine: Engine) -> dict[str, float | None]:
    MeasureNotifications(transactions(engine), ["nhn"], show_figures)(StopSignal())
    of_provider = {"provider": "nhn"}
    return {
        "suspended": REGISTRY.get_sample_value("alimtalk_provider_suspended", of_provider),
        "open": REGISTRY.get_sample_value("alimtalk_breaker_open", of_provider),
        **{
            f"no {asked}": REGISTRY.get_sample_value(
                "alimtalk_questions_refused", {**of_provider, "questions": asked}
            )
            for asked in ("look-ups", "results")
        },
        "waiting": REGISTRY.get_sample_value("deliveries_needing_operator"),
        "expired": REGISTRY.get_sample_value("deliveries_undelivered_in_a_day", {"status": "EXPIRED"}),
        "failed": REGISTRY.get_sample_value("alimtalk_failed_in_an_hour"),
        "in a row": REGISTRY.get_sample_value("alimtalk_failed_in_a_row"),
        "unreported": REGISTRY.get_sample_value("alimtalk_unreported_in_a_row"),
        "overdue": REGISTRY.get_sample_value("deliveries_overdue"),
        "given up": REGISTRY.get_sample_value("deliveries_undelivered_in_a_day", {"status": "GIVEN_UP"}),
    }


CALM = dict.fromkeys(
    (
        *("suspended", "open", "no look-ups", "no results"),
        *("waiting", "expired", "given up", "failed", "in a row", "unreported", "overdue"),
    ),
    0,
)


def test_what_needs_attention_is_shown_while_nothing_can_be_stored(
    engine: Engine, migrated_url: str, accept_order_events: AcceptOrderEvents
) -> None:
    assert gauges(engine) == CALM
    accept_order_events([a_completed_order()])
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET due_at = clock_timestamp() - interval '16 minutes'"))
    engine.dispose()

    with read_only(migrated_url):
        with pytest.raises(DBAPIError, match="read-only"):
            gauges(engine)
        assert REGISTRY.get_sample_value("deliveries_overdue") == 3


def test_the_age_of_figures_grows_while_nothing_is_measured(engine: Engine) -> None:
    gauges(engine)
    name, labels = "figures_seconds_since_measured", {"figures": "notifications"}
    first, second = (REGISTRY.get_sample_value(name, labels) or 0.0 for _ in range(2))
    assert 0 < first < second


@pytest.mark.parametrize("status", ProviderStatus)
def test_a_provider_that_is_not_called_is_shown(status: ProviderStatus, engine: Engine) -> None:
    assert gauges(engine) == CALM

    set_state(engine, NHN, status)

    is_suspended, is_open = status is ProviderStatus.SUSPENDED, status is ProviderStatus.OPEN
    assert gauges(engine) == {**CALM, "suspended": is_suspended, "open": is_open}


def test_a_breaker_that_no_message_can_close_is_no_failure(engine: Engine) -> None:
    set_state(engine, NHN, ProviderStatus.OPEN, next_probe_at="clock_timestamp() - interval '61 seconds'")

    assert gauges(engine) == CALM


def test_questions_that_a_provider_refuses_are_shown(engine: Engine) -> None:
    set_state(engine, NHN, ProviderStatus.RUNNING, look_ups_refused="'403'")

    assert gauges(engine) == {**CALM, "no look-ups": 1}


@pytest.mark.parametrize(
    ("first", "second", "used"),
    [
        (ProviderStatus.RUNNING, ProviderStatus.RUNNING, "nhn"),
        (ProviderStatus.OPEN, ProviderStatus.RUNNING, "solapi"),
        (ProviderStatus.SUSPENDED, ProviderStatus.OPEN, None),
    ],
)
def test_the_provider_that_new_messages_go_to_is_shown(
    first: ProviderStatus, second: ProviderStatus, used: str | None, engine: Engine
) -> None:
    set_state(engine, NHN, first)
    set_state(engine, MeteredProvider("solapi"), second)

    MeasureNotifications(transactions(engine), ["nhn", "solapi"], show_figures)(StopSignal())

    shown = {
        name: REGISTRY.get_sample_value("alimtalk_provider_in_use", {"provider": name, "place": place})
        for name, place in (("nhn", "1"), ("solapi", "2"))
    }
    assert shown == {"nhn": used == "nhn", "solapi": used == "solapi"}


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ("status = 'UNKNOWN', due_at = NULL", {"waiting": 1}),
        ("status = 'UNKNOWN'", {}),
        (f"status = 'FAILED', {ended('4 minutes')}", {"failed": 1}),
        (f"status = 'FAILED', {ended('6 minutes')}", {"failed": 1, "in a row": 1}),
        (
            f"status = 'FAILED', {ended('61 minutes')}",
            {"in a row": 1},
        ),
        (f"status = 'FAILED', {ended('25 hours')}", {}),
        (f"status = 'ACCEPTED', {accepted('3 hours')}", {"unreported": 1}),
        (f"status = 'ACCEPTED', {accepted('119 minutes')}", {}),
        ("due_at = clock_timestamp() - interval '14 minutes'", {}),
        ("due_at = clock_timestamp() - interval '16 minutes'", {"overdue": 1}),
        (f"{LATER}, {TRIED}, last_error = 'RECEIVER_BUSY'", {"overdue": 1}),
        (f"{LATER}, {TRIED}, last_error = 'QUIET_HOURS'", {}),
        # Its attempts were only ever interrupted.
        (f"{LATER}, {TRIED}, last_error = NULL", {"overdue": 1}),
        # Postponed again and again, until another provider says whether it has it.
        (f"{LATER}, {TRIED}, attempts = 0, last_error = 'NOT_CONFIRMED'", {"overdue": 1}),
        (f"status = 'UNKNOWN', due_at = NULL, {TRIED}, last_error = 'RECEIVER_BUSY'", {"waiting": 1}),
        ("status = 'EXPIRED', due_at = NULL, completed_at = clock_timestamp()", {"expired": 1}),
        ("status = 'EXPIRED', due_at = NULL, completed_at = clock_timestamp() - interval '25 hours'", {}),
        ("status = 'GIVEN_UP', due_at = NULL, completed_at = clock_timestamp()", {"given up": 1}),
        ("status = 'GIVEN_UP', due_at = NULL, completed_at = clock_timestamp(), given_up_by = 'kim'", {}),
    ],
)
def test_a_delivery_that_needs_attention_is_counted(
    changes: str,
    counted: dict[str, int],
    engine: Engine,
    accept_order_events: AcceptOrderEvents,
) -> None:
    accept_order_events([a_completed_order()])
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE delivery SET {changes} WHERE effect = 'ALIMTALK'"))  # noqa: S608

    assert gauges(engine) == {**CALM, **counted}


def end(connection: Connection, order: OrderEvent, changes: str) -> None:
    connection.execute(
        text(f"UPDATE delivery SET {changes} WHERE effect = 'ALIMTALK' AND event_id = :event_id"),  # noqa: S608
        {"event_id": order.event_id},
    )


def test_only_what_failed_behind_the_last_delivered_is_counted_in_a_row(
    engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    orders = [a_completed_order() for _ in range(6)]
    for order in orders:
        accept_order_events([order])
    statuses = ["FAILED", "FAILED", "DELIVERED", "FAILED", "SKIPPED", "FAILED"]
    with engine.begin() as connection:
        for order, status in zip(orders, statuses, strict=True):
            end(connection, order, f"status = '{status}', {ended('6 minutes')}")

    assert gauges(engine) == {**CALM, "failed": 4, "in a row": 2}


def test_refusals_among_messages_that_are_accepted_are_no_row(
    engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    orders = [a_completed_order() for _ in range(5)]
    for order in orders:
        accept_order_events([order])
    delivered, refused, failed, taken, refused_last = orders
    with engine.begin() as connection:
        end(connection, delivered, f"status = 'DELIVERED', {ended('6 minutes')}")
        end(connection, refused, f"status = 'FAILED', {ended('6 minutes')}")
        end(connection, failed, f"status = 'FAILED', accepted_at = created_at, {ended('6 minutes')}")
        end(connection, taken, f"status = 'ACCEPTED', {accepted('6 minutes')}")
        end(connection, refused_last, f"status = 'FAILED', {ended('6 minutes')}")

    # Not the first refusal: a later message was taken, whose result may be to come.
    assert gauges(engine) == {**CALM, "failed": 3, "in a row": 2}


def test_a_phone_that_is_off_hides_no_account_that_delivers_nothing(
    engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    orders = [a_completed_order() for _ in range(5)]
    for order in orders:
        accept_order_events([order])
    is_off, delivered, *behind = orders
    with engine.begin() as connection:
        end(connection, is_off, f"status = 'ACCEPTED', {accepted('60 hours')}")
        end(connection, delivered, f"status = 'DELIVERED', {ended('59 hours')}")
    assert gauges(engine) == CALM

    with engine.begin() as connection:
        for order in behind[:2]:
            end(connection, order, f"status = 'ACCEPTED', {accepted('3 hours')}")
        end(connection, behind[2], f"status = 'ACCEPTED', {accepted('1 hour')}")
    assert gauges(engine) == {**CALM, "unreported": 2}
