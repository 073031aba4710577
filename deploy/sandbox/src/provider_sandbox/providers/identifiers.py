"""Ids like those of the real providers."""

import secrets
import string

from provider_sandbox.korean_time import in_seoul

_CHARACTERS = string.ascii_uppercase + string.digits


def dated_id(prefix: str, now: float) -> str:
    """The prefix, the second in Seoul and 15 random characters."""
    tail = "".join(secrets.choice(_CHARACTERS) for _ in range(15))
    return f"{prefix}{in_seoul(now):%Y%m%d%H%M%S}{tail}"
