"""What each process reads of its environment. The only module that does."""

from typing import Annotated, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, model_validator

from notification_service.alert_settings import AlertSettings
from notification_service.alimtalk_settings import AlimtalkSettings, WebhookSettings
from notification_service.domain.alimtalk_template import Locale
from notification_service.domain.quiet_hours import QuietHours
from servicekit.config import (
    AdminSettings,
    DatabaseMigrationSettings,
    DatabaseSettings,
    HttpSettings,
    HttpUrlText,
    KafkaConsumerSettings,
    Port,
    ProcessSettings,
)
from servicekit.outbound.http_client import CONNECT_TIMEOUT_SECONDS

_Hours = Annotated[int, Field(ge=1, le=1_000_000)]


def _check_time_zone(name: str) -> str:
    # ZoneInfo opens files: a name such as "." raises other errors than the one of an unknown zone.
    if name not in available_timezones():
        raise ValueError("must be a time zone such as Asia/Seoul")
    return name


def _check_quiet_hours(written: str) -> str:
    QuietHours.parse(written, ZoneInfo("UTC"))
    return written


_TimeZone = Annotated[str, AfterValidator(_check_time_zone)]


class ApiSettings(WebhookSettings, HttpSettings, DatabaseSettings, ProcessSettings):
    """``notification-service api``."""

    http_port: Port = 8003


class ConsumerSettings(
    AlertSettings, AlimtalkSettings, KafkaConsumerSettings, AdminSettings, DatabaseSettings, ProcessSettings
):
    """``notification-service consumer``."""

    kafka_client_id: str = "notification-consumer"
    alimtalk_result_hours: Annotated[int, Field(ge=1, le=1_000)] = 72
    shop_time_zone: _TimeZone = Field(default="Asia/Seoul", validate_default=True)
    # Off by default: what follows an order is no advertisement, and may be sent at any hour.
    alimtalk_quiet_hours: Annotated[str, AfterValidator(_check_quiet_hours)] | None = None
    monitoring_webhook_url: HttpUrlText
    # For 300 messages a second over three consumers, if the provider takes 0.1 s for each.
    delivery_parallelism: Annotated[int, Field(ge=1, le=64)] = 16
    # A stop waits for calls that have begun, and has 10 s in all.
    delivery_timeout_seconds: Annotated[float, Field(gt=0, le=5)] = 4.0
    delivery_lease_seconds: Annotated[float, Field(gt=0)] = 30.0
    recipient_retention_hours: _Hours = 168
    delivery_retention_hours: _Hours = 8_760
    # From the last order on, five years: then the customer counts as new.
    customer_retention_hours: _Hours = 43_800
    idempotency_key_retention_hours: Annotated[int, Field(ge=24, le=1_000_000)] = 168
    # An event can come again while the outbox can send it again, and the topic then keeps it: 7 days each.
    # Forgotten any sooner, it would count as new.
    inbox_retention_hours: Annotated[int, Field(ge=336, le=1_000_000)] = 720

    @property
    def quiet_hours(self) -> QuietHours | None:
        if self.alimtalk_quiet_hours is None:
            return None
        return QuietHours.parse(self.alimtalk_quiet_hours, ZoneInfo(self.shop_time_zone))

    @property
    def delivery_attempt_seconds(self) -> float:
        """The longest attempt: the calls to ask whether it was sent, and those to send."""
        return self._calls_per_attempt * (CONNECT_TIMEOUT_SECONDS + self.delivery_timeout_seconds)

    @property
    def _calls_per_attempt(self) -> int:
        return max(chosen.calls_per_attempt for chosen in self.alimtalk_chosen)

    @model_validator(mode="after")
    def _lease_outlasts_attempts(self) -> Self:
        if self.delivery_lease_seconds < 2 * self.delivery_attempt_seconds:
            calls = 2 * self._calls_per_attempt
            names = " and ".join(chosen.name for chosen in self.alimtalk_chosen)
            raise ValueError(
                f"DELIVERY_LEASE_SECONDS must be at least {calls} x (1 + DELIVERY_TIMEOUT_SECONDS)"
                f" with {names}"
            )
        return self


class OperatorSettings(DatabaseSettings, ProcessSettings):
    """``notification-service deliveries``, ``erase``, ``analytics`` and ``report``."""


class TemplatesSettings(AlimtalkSettings, ProcessSettings):
    """``notification-service templates check --provider``."""


class DeadLettersSettings(KafkaConsumerSettings, DatabaseSettings, ProcessSettings):
    """``notification-service dead-letters``."""

    kafka_client_id: str = "notification-consumer"
    alimtalk_locale: Locale = Locale.KOREAN


class MigrationSettings(DatabaseMigrationSettings):
    """``notification-service migrate``."""
