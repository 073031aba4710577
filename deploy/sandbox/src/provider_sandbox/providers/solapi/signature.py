"""SOLAPI's authentication: an HMAC over the date and a salt, which says nothing about the request."""

import hashlib
import hmac
import re
from datetime import datetime

from provider_sandbox.providers.refusal import Refusal
from provider_sandbox.providers.solapi.account import API_KEY, API_SECRET

CLOCK_SECONDS = 15 * 60.0
_PARAMETER = re.compile(r"\s*(\w+)=([^,]*?)\s*(?:,|$)")


def refusal(status: int, code: str, message: str) -> Refusal:
    return Refusal(status, {"errorCode": code, "errorMessage": message})


def checked_signature(authorization: str, now: float) -> str:
    """The signature of an ``Authorization`` header. Raises a refusal unless it is right and its date is near.

    That it is used once is for the caller to check.
    """
    scheme, _, rest = authorization.partition(" ")
    given: dict[str, str] = {name.lower(): value for name, value in _PARAMETER.findall(rest)}
    if scheme != "HMAC-SHA256" or given.keys() < {"apikey", "date", "salt", "signature"}:
        raise refusal(401, "Unauthorized", "Authorization must be HMAC-SHA256 apiKey, date, salt, signature.")
    if given["apikey"] != API_KEY:
        raise refusal(401, "InvalidApiKey", "The API key is unknown.")
    if not 12 <= len(given["salt"].encode()) <= 64:
        raise refusal(400, "ValidationError", "The salt must have 12 to 64 bytes.")
    if abs(_epoch(given["date"]) - now) > CLOCK_SECONDS:
        raise refusal(403, "RequestTimeTooSkewed", "The date differs from ours by more than 15 minutes.")
    expected = hmac.new(API_SECRET.encode(), f"{given['date']}{given['salt']}".encode(), hashlib.sha256)
    if not hmac.compare_digest(expected.hexdigest(), given["signature"].lower()):
        raise refusal(403, "SignatureDoesNotMatch", "The signature is wrong.")
    return given["signature"].lower()


def _epoch(date: str) -> float:
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise refusal(400, "ValidationError", "The date must be a time with an offset as in ISO 8601.")
    return moment.timestamp()
