"""Nothing is forgotten while Kafka, the outbox or a dead letter can bring it again."""

import tomllib
from datetime import timedelta

import pytest
from pydantic_settings import BaseSettings

from coupon_service.config import WorkerSettings as CouponWorkerSettings
from coupon_service.domain.reconciling import HISTORY_NEVER_REMOVED_WITHIN, NEVER_REMOVED_WITHIN
from coupon_service.http.bodies import LONGEST_HOLD_SECONDS
from devstack.repository import ROOT
from notification_service.config import ConsumerSettings
from order_service.config import WorkerSettings as OrderWorkerSettings
from outbox_relay.config import RelaySettings
from servicekit.config import InvalidSettings, read_settings

TOPICS = tomllib.loads((ROOT / "deploy" / "kafka" / "topics.toml").read_text())
MS_AN_HOUR = 3_600_000
REQUIRED = {
    "DATABASE_URL": "postgresql://user@localhost/database",
    "KAFKA_BOOTSTRAP_SERVERS": "localhost:9092",
    "PAYMENT_GATEWAY": "in-process",
    "ALIMTALK_URL": "http://localhost",
    "MONITORING_WEBHOOK_URL": "http://localhost",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)


def least(settings: type[BaseSettings], field: str) -> int:
    [least] = [limit.ge for limit in settings.model_fields[field].metadata if hasattr(limit, "ge")]
    return int(least)


def kept_hours(topic: str) -> float:
    options = TOPICS["config"] | TOPICS["topics"][topic].get("config", {})
    return float(options["retention.ms"] / MS_AN_HOUR)


@pytest.mark.parametrize(
    ("settings", "topic"),
    [
        (CouponWorkerSettings, "coupon-publish-request"),
        (CouponWorkerSettings, "order-completed"),
        (CouponWorkerSettings, "order-cancelled"),
        (ConsumerSettings, "order-completed"),
        (ConsumerSettings, "order-cancelled"),
    ],
)
def test_the_inbox_outlasts_whatever_can_send_an_event_again(
    settings: type[BaseSettings], topic: str
) -> None:
    outbox_hours = RelaySettings.model_fields["retention_hours"].default
    assert least(settings, "inbox_retention_hours") >= kept_hours(topic) + outbox_hours


def test_a_request_outlasts_dead_letters_about_it() -> None:
    least_hours = least(CouponWorkerSettings, "request_retention_hours")
    assert least_hours >= kept_hours("coupon-publish-request.dlt")
    assert timedelta(hours=least_hours) == NEVER_REMOVED_WITHIN


def test_history_outlasts_what_an_order_may_hold() -> None:
    least_hours = least(CouponWorkerSettings, "history_retention_hours")
    assert timedelta(hours=least_hours) >= timedelta(seconds=LONGEST_HOLD_SECONDS)
    assert timedelta(hours=least_hours) == HISTORY_NEVER_REMOVED_WITHIN


@pytest.mark.parametrize(
    ("settings", "variable", "too_short"),
    [
        (CouponWorkerSettings, "INBOX_RETENTION_HOURS", "168"),
        (CouponWorkerSettings, "REQUEST_RETENTION_HOURS", "168"),
        (CouponWorkerSettings, "IDEMPOTENCY_KEY_RETENTION_HOURS", "1"),
        (CouponWorkerSettings, "HISTORY_RETENTION_HOURS", "8760"),
        (OrderWorkerSettings, "IDEMPOTENCY_KEY_RETENTION_HOURS", "1"),
        (OrderWorkerSettings, "ORDER_RECIPIENT_RETENTION_HOURS", "1"),
        (ConsumerSettings, "INBOX_RETENTION_HOURS", "168"),
    ],
)
def test_too_short_a_retention_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, settings: type[BaseSettings], variable: str, too_short: str
) -> None:
    read_settings(settings)
    monkeypatch.setenv(variable, too_short)
    with pytest.raises(InvalidSettings, match=f"{variable}: Input should be greater than or equal to"):
        read_settings(settings)


def test_no_key_answers_with_a_request_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDEMPOTENCY_KEY_RETENTION_HOURS", "9000")
    with pytest.raises(InvalidSettings, match="REQUEST_RETENTION_HOURS must be at least"):
        read_settings(CouponWorkerSettings)
