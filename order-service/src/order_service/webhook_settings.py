"""What it takes to tell a gateway's webhook from a forged one."""

from base64 import b64decode
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, SecretStr
from pydantic_settings import BaseSettings

from servicekit.config import PrintableSecret

_SEPARATOR = ","
# By the specification of Standard Webhooks.
_SECRET_BYTES = range(24, 65)


def _check_secrets(value: SecretStr) -> SecretStr:
    for text in value.get_secret_value().split(_SEPARATOR):
        prefix, _, encoded = text.rpartition("whsec_")
        try:
            length = 0 if prefix or encoded == text else len(b64decode(encoded, validate=True))
        except ValueError:
            length = 0
        if length not in _SECRET_BYTES:
            raise ValueError("must be whsec_ and 24 to 64 bytes in base64; two are separated by a comma")
    return value


class WebhookSettings(BaseSettings):
    """Toss signs no webhook of a payment, and needs nothing."""

    # While one secret replaces another, both.
    portone_webhook_secret: Annotated[PrintableSecret, AfterValidator(_check_secrets)] | None = None

    @property
    def portone_webhook_secrets(self) -> Sequence[SecretStr]:
        """None, one or several."""
        secret = self.portone_webhook_secret
        return (
            []
            if secret is None
            else [SecretStr(each) for each in secret.get_secret_value().split(_SEPARATOR)]
        )
