"""Where alerts go, and what they need of the environment."""

from base64 import b64decode
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from servicekit.config import HttpUrlText

ReceiverName = Literal["slack", "webhook", "alertmanager"]


# By the specification, so that no receiver's library refuses it.
_SECRET_BYTES = range(24, 65)


def _check_secret(value: SecretStr) -> SecretStr:
    prefix, _, encoded = value.get_secret_value().rpartition("whsec_")
    try:
        length = 0 if prefix or not encoded else len(b64decode(encoded, validate=True))
    except ValueError:
        length = 0
    if length not in _SECRET_BYTES:
        raise ValueError("must be whsec_ and 24 to 64 bytes in base64, as Standard Webhooks has it")
    return value


class AlertSettings(BaseSettings):
    """Without a receiver, no rule is looked at."""

    alert_receiver: ReceiverName | None = None
    # Slack's is a secret: all who know it may post.
    alert_url: Annotated[HttpUrlText | None, Field(validate_default=True)] = None
    alert_secret: Annotated[
        Annotated[SecretStr, AfterValidator(_check_secret)] | None, Field(validate_default=True)
    ] = None
    alert_rules_file: Path | None = None

    @field_validator("alert_url", "alert_secret")
    @classmethod
    def _is_set_for_receiver(cls, value: object, info: ValidationInfo) -> object:
        receiver = info.data.get("alert_receiver")
        is_needed = receiver == "webhook" or (receiver is not None and info.field_name == "alert_url")
        if value is None and is_needed:
            raise ValueError(f"is needed with ALERT_RECEIVER={receiver}")
        return value
