"""The environment of this service's processes; see the README's table."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, HttpUrl, TypeAdapter, model_validator

from notification_service.outbound import CONNECT_TIMEOUT_SECONDS
from servicekit.config import AdminSettings, KafkaConsumerSettings, DatabaseSettings, HttpSettings, ProcessSettings

_http_url = TypeAdapter(HttpUrl)


def _check_url(value: str) -> str:
    _http_url.validate_python(value)
    return value


_Url = Annotated[str, AfterValidator(_check_url)]


class MigrationSettings(DatabaseSettings, ProcessSettings):
    """``notification-service migrate``"""


class ApiSettings(HttpSettings, DatabaseSettings, ProcessSettings):
    """``notification-service api``"""


class NotificationConsumerSettings(KafkaConsumerSettings, AdminSettings, DatabaseSettings, ProcessSettings):
    """``notification-service consumer``"""

    kafka_client_id: str = "notification-consumer"
    alimtalk_url: _Url
    monitoring_webhook_url: _Url
    delivery_parallelism: Annotated[int, Field(ge=1, le=32)] = 4
    # A stop waits for calls that have begun, and has 10 s in all.
    delivery_timeout_seconds: Annotated[float, Field(gt=0, le=5)] = 4.0
    delivery_lease_seconds: Annotated[float, Field(gt=0)] = 30.0

    @property
    def delivery_attempt_seconds(self) -> float:
        """The longest attempt: asking whether it was sent, and sending."""
        return 2 * (CONNECT_TIMEOUT_SECONDS + self.delivery_timeout_seconds)

    @model_validator(mode="after")
    def _lease_outlasts_attempts(self) -> Self:
        if self.delivery_lease_seconds < 2 * self.delivery_attempt_seconds:
            message = "DELIVERY_LEASE_SECONDS must be at least 4 x (1 + DELIVERY_TIMEOUT_SECONDS)"
            raise ValueError(message)
        return self
