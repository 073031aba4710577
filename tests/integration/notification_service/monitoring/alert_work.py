"""Alerts on a test's database, composed as in the consumer process."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, text

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.count_sales import CountSales
from notification_service.application.raise_alerts import RaiseAlerts
from notification_service.application.send_alerts import NoticeLease, SendAlerts
from notification_service.domain.alert_rule import AlertRule, AlertTiming, OrderRule, RateRule, Severity
from notification_service.domain.order_event import OrderEvent
from notification_service.monitoring.standard_webhook import StandardWebhook
from servicekit.db.errors import is_bug
from servicekit.lifecycle import StopSignal
from servicekit.outbound.http_client import create_http_client
from tests.integration.notification_service.effect_work import QUICK, transactions
from tests.support.alert_receiver import AlertReceiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8G"
TIMING = AlertTiming(quiet=timedelta(hours=1), recovered_after=timedelta(hours=4))
LARGE = OrderRule(
    name="large", severity=Severity.WARNING, timing=TIMING, limits={"KRW": 1_000_000, "USD": 100_000}
)
FIRST = OrderRule(name="first", severity=Severity.INFO, timing=TIMING, first_order=True)
RATE = RateRule(name="rate", severity=Severity.CRITICAL, timing=TIMING, days=28, least_days=7, tolerance=4.0)


@dataclass
class Alerting:
    """One process's work: what counts orders, what raises alerts and what sends them."""

    engine: Engine
    rules: tuple[AlertRule, ...]
    raise_alerts: RaiseAlerts
    send_alerts: SendAlerts

    def count(self, *orders: OrderEvent) -> None:
        """Accept orders, and count all that are due."""
        AcceptOrderEvents(transactions(self.engine))(orders)
        rules = [rule for rule in self.rules if isinstance(rule, OrderRule)]
        work = CountSales(transactions(self.engine), rules=rules)
        while work(StopSignal()).deliveries:
            continue

    def proceed(self) -> None:
        """Raise what is to be raised, and try to send it once."""
        self.raise_alerts(StopSignal())
        self.send_alerts(StopSignal())


@contextmanager
def alerting(
    engine: Engine,
    receiver: AlertReceiver,
    *rules: AlertRule,
    lease_seconds: float = 20.0,
    batch_size: int = 500,
    is_caught_up: Callable[[], bool] = lambda: True,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Alerting]:
    """The work of a process, with a signed webhook."""
    unit_of_work = transactions(engine)
    with create_http_client(1.0, 2) as client:
        send = StandardWebhook(client, receiver.url, SECRET)
        yield Alerting(
            engine,
            rules,
            RaiseAlerts(unit_of_work, rules, is_caught_up, batch_size, is_bug, clock),
            SendAlerts(unit_of_work, send, QUICK, NoticeLease(lease_seconds, 2.0), jitter=lambda: 0.5),
        )


def kinds(receiver: AlertReceiver) -> list[tuple[str, str]]:
    """Which alerts were received, each as its kind and its key."""
    return [
        (post.json["type"].removeprefix("alert."), post.json["data"]["alert"]) for post in receiver.received
    ]


def pass_time(engine: Engine, **interval: int) -> None:
    """Let alerts and notices be so much older."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE alert SET began_at = began_at - :time, last_seen_at = last_seen_at - :time,"
                " noticed_at = noticed_at - :time"
            ),
            {"time": timedelta(**interval)},
        )


def rows(engine: Engine, statement: str) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(statement)))
