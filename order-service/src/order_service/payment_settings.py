"""Which payment gateways are used, and what they need of the environment."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings

from servicekit.config import HttpUrlText, PrintableSecret

GatewayName = Literal["in-process", "toss", "portone"]

# For connecting, for storing the payment before it is sent, and for a look-up after a refusal.
_SECONDS_BESIDE_EXCHANGE = 10
# For the two questions of closing an account that isn't sold, and for storing their answer.
_SECONDS_FOR_CLOSING = 7
# For standing still before it is sent, and for the questions that it consists of.
_SECONDS_BESIDE_REFUND = 30


@dataclass(frozen=True, slots=True)
class InProcessGatewaySettings:
    """It needs nothing."""

    name: Literal["in-process"] = "in-process"


@dataclass(frozen=True, slots=True)
class TossGatewaySettings:
    """An account at Toss Payments."""

    secret_key: SecretStr
    account: str
    url: str
    timeout_seconds: float
    name: Literal["toss"] = "toss"


@dataclass(frozen=True, slots=True)
class PortoneGatewaySettings:
    """A store at PortOne. ``is_test`` says that only payments of its test channels count."""

    api_secret: SecretStr
    store_id: str
    is_test: bool
    url: str
    timeout_seconds: float
    name: Literal["portone"] = "portone"


GatewaySettings = InProcessGatewaySettings | TossGatewaySettings | PortoneGatewaySettings


def _check_toss_secret_key(value: SecretStr) -> SecretStr:
    # Of the other pair, the client key, Toss only says that it is unauthorized, once a buyer pays.
    if not re.match(r"(test|live)_g?sk_", value.get_secret_value()):
        raise ValueError("must be a secret key: test_sk_…, test_gsk_…, live_sk_… or live_gsk_…")
    return value


def account_of(secret_key: SecretStr) -> str:
    """A name for the account that a secret key is for, from which nobody learns the key."""
    digest = hashlib.sha256(b"payment account " + secret_key.get_secret_value().encode())
    return digest.hexdigest()[:16]


class PaymentSettings(BaseSettings):
    """How payments are made. The API and the worker need the same."""

    # No default: a forgotten variable must not sell goods against the in-process gateway.
    payment_gateway: GatewayName
    payment_in_progress_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    # What was paid into one is returned to an account that only the buyer knows.
    sells_virtual_accounts: bool = False

    toss_secret_key: Annotated[PrintableSecret, AfterValidator(_check_toss_secret_key)] | None = Field(
        default=None, validate_default=True
    )
    # Set to what the payments have, it keeps an account's payments when its key is replaced.
    toss_account: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    toss_url: HttpUrlText = "https://api.tosspayments.com"
    # Toss advises 60 s, and takes up to that.
    toss_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 50.0

    portone_api_secret: PrintableSecret | None = Field(default=None, validate_default=True)
    # Needed with the secret, which may be for several stores.
    portone_store_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = Field(
        default=None, validate_default=True
    )
    # A payment of a test channel costs nothing, and the buyer's browser names the channel.
    portone_test: bool = False
    portone_url: HttpUrlText = "https://api.portone.io"
    # PortOne advises 60 s, and takes up to that.
    portone_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 50.0

    @property
    def gateways(self) -> Sequence[GatewaySettings]:
        """The chosen one, and others that earlier payments may have been asked for at."""
        configured: list[GatewaySettings] = [InProcessGatewaySettings()]
        if self.toss_secret_key is not None:
            account = self.toss_account or account_of(self.toss_secret_key)
            configured.append(
                TossGatewaySettings(self.toss_secret_key, account, self.toss_url, self.toss_timeout_seconds)
            )
        if self.portone_api_secret is not None and self.portone_store_id is not None:
            configured.append(
                PortoneGatewaySettings(
                    self.portone_api_secret,
                    self.portone_store_id,
                    self.portone_test,
                    self.portone_url,
                    self.portone_timeout_seconds,
                )
            )
        return configured

    @property
    def payment_begins_within_seconds(self) -> float:
        """After storing a payment. Later, the gateway's answer could come after the time in progress."""
        exchange_seconds = max(
            (
                each.timeout_seconds
                for each in self.gateways
                if not isinstance(each, InProcessGatewaySettings)
            ),
            default=0.0,
        )
        return (self.payment_in_progress_seconds - exchange_seconds) / 2

    @property
    def accounts_close_within(self) -> timedelta:
        """After a payment is sent. Later, closing its account could end after the time in progress."""
        left_seconds = self.payment_in_progress_seconds - self.payment_begins_within_seconds
        return timedelta(seconds=left_seconds - _SECONDS_FOR_CLOSING)

    @property
    def refund_lease(self) -> timedelta:
        """How long a refund is left to the process that has claimed it: longer than asking for it takes."""
        return timedelta(seconds=self.payment_in_progress_seconds + _SECONDS_BESIDE_REFUND)

    @field_validator("toss_secret_key")
    @classmethod
    def _is_set_for_toss(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        return _needed_for("toss", value, info)

    @field_validator("portone_api_secret")
    @classmethod
    def _is_set_for_portone(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        return _needed_for("portone", value, info)

    @field_validator("portone_store_id")
    @classmethod
    def _is_set_with_secret(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("portone_api_secret") is not None:
            raise ValueError("is needed with PORTONE_API_SECRET")
        return value

    @field_validator("toss_url")
    @classmethod
    def _keeps_live_keys_secret(cls, value: str, info: ValidationInfo) -> str:
        key = info.data.get("toss_secret_key")
        if key is not None and key.get_secret_value().startswith("live_") and _is_plain(value):
            raise ValueError("must begin with https:// where the secret key is a live one")
        return value

    @field_validator("portone_url")
    @classmethod
    def _keeps_secrets_of_live_channels(cls, value: str, info: ValidationInfo) -> str:
        is_live = info.data.get("portone_api_secret") is not None and not info.data.get("portone_test")
        if is_live and _is_plain(value):
            raise ValueError("must begin with https:// unless PORTONE_TEST=true")
        return value

    @model_validator(mode="after")
    def _progress_outlasts_exchanges(self) -> Self:
        for gateway in self.gateways:
            if isinstance(gateway, InProcessGatewaySettings):
                continue
            if self.payment_in_progress_seconds < gateway.timeout_seconds + _SECONDS_BESIDE_EXCHANGE:
                raise ValueError(
                    "PAYMENT_IN_PROGRESS_SECONDS must be at least"
                    f" {_SECONDS_BESIDE_EXCHANGE} more than {gateway.name.upper()}_TIMEOUT_SECONDS"
                )
        return self


def _needed_for(gateway: GatewayName, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    if value is None and info.data.get("payment_gateway") == gateway:
        raise ValueError(f"is needed with PAYMENT_GATEWAY={gateway}")
    return value


def _is_plain(url: str) -> bool:
    return url.lower().startswith("http:")
