"""Secrets that are sent in headers."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr


def _check_printable(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    # A file's last line break would end up in a header, and fail there without a word about its cause.
    if not (secret.isascii() and secret.isprintable()) or " " in secret or not secret:
        raise ValueError("must be printable ASCII without blanks and line breaks")
    return value


PrintableSecret = Annotated[SecretStr, AfterValidator(_check_printable)]
