"""Rules on orders raise one alert for each thing, whatever the number of processes and of failures."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr
from sqlalchemy import Engine, text
from standardwebhooks import Webhook

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.measure_notifications import MeasureNotifications
from notification_service.config import ConsumerSettings
from notification_service.consumer import run
from notification_service.metrics import show_figures
from notification_service.template_files import read_catalog
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.consumer_deployment import TOPIC
from tests.integration.notification_service.effect_work import transactions
from tests.integration.notification_service.monitoring.alert_work import (
    FIRST,
    LARGE,
    RATE,
    SECRET,
    Alerting,
    alerting,
    kinds,
    pass_time,
    rows,
)
from tests.support.alert_receiver import AlertReceiver
from tests.support.notification_builders import a_completed_order
from tests.support.notification_events import an_event, encoded
from tests.support.sandbox import Sandbox
from tests.support.topics import produce
from tests.support.waiting import wait_until


@pytest.fixture
def receiver() -> Iterator[AlertReceiver]:
    with AlertReceiver() as receiver:
        yield receiver


def test_orders_above_the_limit_of_their_currency_raise_its_alert(
    engine: Engine, receiver: AlertReceiver
) -> None:
    last = a_completed_order(total_amount=1_234_567)
    with alerting(engine, receiver, LARGE) as work:
        work.count(
            a_completed_order(total_amount=1_000_000),
            a_completed_order(total_amount=100_001, currency="USD"),
            a_completed_order(total_amount=9_999_999, currency="JPY"),
        )
        work.count(a_completed_order(total_amount=2_000_000))
        work.count(last)
        work.proceed()

    assert kinds(receiver) == [("firing", "large:KRW"), ("firing", "large:USD")]
    data = receiver.received[0].json["data"]
    assert data["summary"] == "2 orders above 1,000,000 KRW, the last of 1,234,567 KRW"
    assert data["details"] == {
        "orderId": str(last.order_id), "currency": "KRW", "totalAmount": 1_234_567
    }  # fmt: skip
    assert (
        receiver.received[1].json["data"]["summary"] == "1 order above 1,000.00 USD, the last of 1,000.01 USD"
    )


def test_many_processes_raise_and_send_an_alert_once(engine: Engine, receiver: AlertReceiver) -> None:
    start = threading.Barrier(4)

    def proceed(work: Alerting) -> None:
        # One order each, at the same moment: all meet at the alert's row.
        start.wait(60)
        work.proceed()

    with ExitStack() as stack:
        processes = [
            stack.enter_context(alerting(engine, receiver, LARGE, FIRST, batch_size=1)) for _ in range(4)
        ]
        pool = stack.enter_context(ThreadPoolExecutor(4))
        for _ in range(3):
            orders = [a_completed_order(total_amount=5_000_000, user_id=number) for number in range(4)]
            list(pool.map(lambda each, orders=orders: each.count(*orders), processes))
        while rows(engine, "SELECT FROM alert_match"):
            list(pool.map(proceed, processes))
        processes[0].proceed()

    assert sorted(kinds(receiver)) == [("firing", "first:KRW"), ("firing", "large:KRW")]
    assert rows(engine, "SELECT alert_key, seen FROM alert ORDER BY 1") == [
        ("first:KRW", 4),
        ("large:KRW", 12),
    ]
    assert rows(engine, "SELECT FROM alert_notice") == rows(engine, "SELECT FROM alert_match") == []


def test_only_a_customers_first_order_is_a_first_order(engine: Engine, receiver: AlertReceiver) -> None:
    first = a_completed_order(user_id=7, total_amount=10)
    with alerting(engine, receiver, FIRST) as work:
        work.count(first)
        work.proceed()
        work.count(a_completed_order(user_id=7, completed_at=first.completed_at + timedelta(hours=6)))
        # Events may come out of order.
        work.count(a_completed_order(user_id=7, completed_at=first.completed_at - timedelta(hours=6)))
        # An event that comes again is no other order.
        work.count(first)
        work.proceed()

    assert kinds(receiver) == [("firing", "first:KRW")]
    assert rows(engine, "SELECT seen FROM alert") == [(1,)]


def test_an_alert_is_repeated_after_the_quiet_time_and_ends(engine: Engine, receiver: AlertReceiver) -> None:
    with alerting(engine, receiver, LARGE) as work:
        work.count(a_completed_order(total_amount=2_000_000))
        work.proceed()
        for _ in range(3):
            pass_time(engine, minutes=15)
            work.count(a_completed_order(total_amount=2_000_000))
            work.proceed()
        assert kinds(receiver) == [("firing", "large:KRW")]
        pass_time(engine, minutes=15)
        work.proceed()
        assert kinds(receiver)[1:] == [("repeated", "large:KRW")]
        pass_time(engine, hours=4)
        work.proceed()
        work.proceed()
        assert kinds(receiver)[2:] == [("resolved", "large:KRW")]
        assert receiver.received[-1].json["data"]["seen"] == 4

        work.count(a_completed_order(total_amount=2_000_000))
        work.proceed()

    assert kinds(receiver)[3:] == [("firing", "large:KRW")]
    assert receiver.received[-1].json["data"]["seen"] == 1


def test_a_receiver_that_fails_gets_all_in_order_under_their_ids(
    engine: Engine, receiver: AlertReceiver
) -> None:
    # Busy, broken, and a reply that is lost.
    receiver.answers[:] = [503, 500, None, 404]
    with alerting(engine, receiver, LARGE) as work:
        work.count(a_completed_order(total_amount=2_000_000))
        work.proceed()
        for _ in range(3):
            pass_time(engine, hours=1)
            work.count(a_completed_order(total_amount=2_000_000))
            work.raise_alerts(StopSignal())
        # The receiver is away for long: what repeats doesn't pile up.
        assert rows(engine, "SELECT kind, seen FROM alert_notice ORDER BY number") == [
            ("FIRING", 1),
            ("REPEATED", 4),
        ]
        pass_time(engine, hours=4)
        wait_until(
            lambda: work.proceed() or len(receiver.received) == 2,  # type: ignore[func-returns-value]
            "both notices",
        )

    assert kinds(receiver) == [("firing", "large:KRW"), ("resolved", "large:KRW")]
    ids = [post.headers["webhook-id"] for post in receiver.posts]
    assert ids == [ids[0]] * 5 + [ids[-1]]
    for post in receiver.received:
        Webhook(SECRET).verify(post.body, post.headers)


def test_a_notice_that_waits_gets_older_whatever_else_fails(engine: Engine, receiver: AlertReceiver) -> None:
    def age(*, notices_are_sent: bool = True) -> float:
        MeasureNotifications(transactions(engine), [], show_figures, notices_are_sent=notices_are_sent)(
            StopSignal()
        )
        return REGISTRY.get_sample_value("alert_notice_waiting_seconds") or 0.0

    assert age() == 0
    with alerting(engine, receiver, LARGE) as work:
        work.count(a_completed_order(total_amount=2_000_000))
        work.raise_alerts(StopSignal())
    measured = age()
    # Nothing raises, sends or measures any more.
    assert (REGISTRY.get_sample_value("alert_notice_waiting_seconds") or 0.0) > measured > 0
    assert age(notices_are_sent=False) == 0


def test_a_notice_is_given_up_a_day_after_it_was_made(engine: Engine, receiver: AlertReceiver) -> None:
    receiver.answers[:] = [500, 500]
    with alerting(engine, receiver, LARGE) as work:
        work.count(a_completed_order(total_amount=2_000_000))
        work.raise_alerts(StopSignal())
        with engine.begin() as connection:
            connection.execute(text("UPDATE alert_notice SET noticed_at = noticed_at - interval '1 day'"))
        wait_until(
            lambda: work.send_alerts(StopSignal()) and not rows(engine, "SELECT FROM alert_notice"),
            "the notice to be given up",
        )

    assert (len(receiver.posts), receiver.received) == (2, [])


def test_what_a_killed_process_had_claimed_is_sent_by_another(
    engine: Engine, receiver: AlertReceiver
) -> None:
    with alerting(engine, receiver, LARGE) as work:
        work.count(a_completed_order(total_amount=2_000_000))
        work.raise_alerts(StopSignal())
        with transactions(engine)() as unit_of_work:
            (claimed,) = unit_of_work.alert_notices.claim(10, lease_seconds=0.3)
            unit_of_work.commit()
        work.send_alerts(StopSignal())
        assert receiver.posts == []

        wait_until(
            lambda: work.send_alerts(StopSignal()) and receiver.received,
            "the notice, once the lease has ended",
        )

    assert (claimed.attempt, kinds(receiver)) == (1, [("firing", "large:KRW")])
    assert rows(engine, "SELECT FROM alert_notice") == []


def test_a_process_whose_lease_has_ended_changes_nothing(engine: Engine, receiver: AlertReceiver) -> None:
    with alerting(engine, receiver, LARGE) as work:
        work.count(a_completed_order(total_amount=2_000_000))
        work.raise_alerts(StopSignal())
    with transactions(engine)() as unit_of_work:
        (late,) = unit_of_work.alert_notices.claim(10, lease_seconds=0.0)
        unit_of_work.commit()
    with transactions(engine)() as unit_of_work:
        (present,) = unit_of_work.alert_notices.claim(10, lease_seconds=60.0)
        unit_of_work.alert_notices.remove(late)
        unit_of_work.alert_notices.postpone(late, 0.0, None, was_attempted=True)
        unit_of_work.commit()

    (row,) = rows(engine, "SELECT claim_id, due_at > clock_timestamp() AS is_leased FROM alert_notice")
    assert (row.claim_id, row.is_leased) == (present.claim_id, True)


def test_nothing_is_sent_with_too_little_of_the_lease_left(engine: Engine, receiver: AlertReceiver) -> None:
    with alerting(engine, receiver, LARGE, lease_seconds=1.0) as work:
        work.count(a_completed_order(total_amount=2_000_000))
        work.proceed()

    assert receiver.posts == []
    assert rows(engine, "SELECT attempts, claim_id FROM alert_notice") == [(0, None)]


def test_what_another_releases_rule_has_seen_is_left_to_it(engine: Engine, receiver: AlertReceiver) -> None:
    with alerting(engine, receiver, LARGE) as newer, alerting(engine, receiver, FIRST, RATE) as older:
        newer.count(a_completed_order(total_amount=2_000_000))
        older.proceed()
        assert kinds(receiver) == []
        newer.proceed()
        pass_time(engine, hours=4)
        older.proceed()
        assert kinds(receiver) == [("firing", "large:KRW")]
        newer.proceed()

    assert kinds(receiver)[1:] == [("resolved", "large:KRW")]


HISTORY = """
INSERT INTO sales_hourly (hour_start, currency, business_day, orders, items, amount)
SELECT hour, currency, (hour AT TIME ZONE 'Asia/Seoul')::date, :orders, 1, 1
  FROM unnest(ARRAY['KRW', 'USD']) AS currency,
       generate_series(1, :days) AS days_before,
       LATERAL (SELECT date_trunc('hour', clock_timestamp() - interval '10 minutes')
                       - interval '1 hour' - days_before * interval '1 day' AS hour) AS hours
"""


DAYS = """
INSERT INTO sales_daily (business_day, currency, orders, items, amount)
SELECT DISTINCT business_day, 'KRW', 1, 1, 1 FROM sales_hourly
"""


def make_history(engine: Engine, days: int, orders: int) -> None:
    """So many orders a currency in the hour that is judged, on each day before."""
    with engine.begin() as connection:
        connection.execute(text(HISTORY), {"days": days, "orders": orders})
        connection.execute(text(DAYS))


def set_last_hour(engine: Engine, orders: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO sales_hourly (hour_start, currency, business_day, orders, items, amount)"
                " SELECT date_trunc('hour', clock_timestamp() - interval '10 minutes') - interval '1 hour',"
                " 'KRW', current_date, :orders, 1, 1"
                " ON CONFLICT (hour_start, currency) DO UPDATE SET orders = excluded.orders"
            ),
            {"orders": orders},
        )
        # As if it were the next one.
        connection.execute(text("DELETE FROM alert_judged_hour"))


@pytest.mark.parametrize(
    ("orders", "is_unusual"), [(0, True), (59, True), (60, False), (140, False), (141, True)]
)
def test_an_hour_outside_of_its_usual_band_raises_an_alert(
    engine: Engine, receiver: AlertReceiver, orders: int, *, is_unusual: bool
) -> None:
    make_history(engine, days=10, orders=50)
    set_last_hour(engine, orders)

    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(alerting(engine, receiver, RATE)).proceed()

    assert kinds(receiver) == ([("firing", "rate")] if is_unusual else [])
    # Only one of the two has judged it.
    assert [row.seen for row in rows(engine, "SELECT seen FROM alert WHERE seen > 0")] == [1] * is_unusual
    if is_unusual:
        details = receiver.received[0].json["data"]["details"]
        assert (details["orders"], details["low"], details["high"]) == (orders, 60, 140)
        assert details["hour"].endswith("+09:00")


def test_an_hour_inside_of_the_band_ends_the_alert(engine: Engine, receiver: AlertReceiver) -> None:
    make_history(engine, days=10, orders=50)
    with alerting(engine, receiver, RATE) as work:
        set_last_hour(engine, 0)
        work.proceed()
        set_last_hour(engine, 1)
        work.proceed()
        set_last_hour(engine, 99)
        work.proceed()
        set_last_hour(engine, 98)
        work.proceed()

    assert kinds(receiver) == [("firing", "rate"), ("resolved", "rate")]


def test_a_shop_without_history_has_no_usual_band(engine: Engine, receiver: AlertReceiver) -> None:
    make_history(engine, days=6, orders=50)
    set_last_hour(engine, 0)

    with alerting(engine, receiver, RATE) as work:
        work.proceed()
        assert rows(engine, "SELECT FROM alert_judged_hour") != []

    assert kinds(receiver) == []


def test_one_old_order_makes_no_history_of_empty_days(engine: Engine, receiver: AlertReceiver) -> None:
    make_history(engine, days=5, orders=50)
    set_last_hour(engine, 100)

    with alerting(engine, receiver, RATE) as work:
        work.count(a_completed_order(completed_at=datetime.now(UTC) - timedelta(days=20)))
        work.proceed()
        assert rows(engine, "SELECT FROM alert_judged_hour") != []

    assert kinds(receiver) == []


def test_an_hour_is_not_judged_before_its_orders_are_counted(engine: Engine, receiver: AlertReceiver) -> None:
    make_history(engine, days=10, orders=50)
    with alerting(engine, receiver, RATE) as work:
        last_minute = datetime.now(UTC) - timedelta(minutes=10)
        in_the_hour = last_minute.replace(minute=0) - timedelta(minutes=30)
        # Accepted only now, as after an outage.
        AcceptOrderEvents(transactions(engine))([a_completed_order(completed_at=in_the_hour)])
        work.proceed()
        assert rows(engine, "SELECT FROM alert_judged_hour") == []
        work.count()
        # What comes later doesn't matter to the hour.
        AcceptOrderEvents(transactions(engine))([a_completed_order(completed_at=datetime.now(UTC))])
        work.proceed()

    assert kinds(receiver) == [("firing", "rate")]
    assert receiver.received[0].json["data"]["details"]["orders"] == 1


def test_no_hour_is_judged_while_the_consumer_lags(engine: Engine, receiver: AlertReceiver) -> None:
    make_history(engine, days=10, orders=50)
    answers = [False, True]
    with alerting(engine, receiver, RATE, is_caught_up=lambda: answers.pop(0)) as work:
        work.proceed()
        assert rows(engine, "SELECT FROM alert_judged_hour") == []
        work.proceed()

    assert kinds(receiver) == [("firing", "rate")]


def test_the_consumer_process_sends_a_signed_alert(
    migrated_url: str,
    order_completed: str,
    own_sandbox: Sandbox,
    receiver: AlertReceiver,
    engine: Engine,
    tmp_path: Path,
) -> None:
    settings = ConsumerSettings(
        database_url=migrated_url,
        kafka_bootstrap_servers=order_completed,
        alimtalk_url=own_sandbox.url,
        monitoring_webhook_url=own_sandbox.monitoring_url,
        alert_receiver="webhook",
        alert_url=f"{receiver.url}/alerts",
        alert_secret=SecretStr(SECRET),
    )
    stop = StopSignal()
    process = threading.Thread(target=run, args=(settings, read_catalog(), stop, [LARGE]))
    process.start()
    try:
        events = [an_event(totalAmount=amount) for amount in (5_000, 1_500_000)]
        produce(order_completed, TOPIC, [encoded(event) for event in events])
        wait_until(lambda: receiver.received, "the alert")
        # The seed's record of each order is there as before.
        wait_until(lambda: len(own_sandbox.webhooks()) == 2, "the records of both orders")
    finally:
        stop.set()
        process.join(15)

    (post,) = receiver.posts
    body = Webhook(SECRET).verify(post.body, post.headers)
    assert body["data"]["details"]["orderId"] == events[1]["orderId"]
    assert not process.is_alive()
