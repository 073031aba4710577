"""Naver Cloud's signature v2: an HMAC over method, path and query as sent, time and access key."""

import base64
import hashlib
import hmac

from werkzeug.datastructures import Headers

from provider_sandbox.providers.refusal import Refusal
from provider_sandbox.providers.sens.account import ACCESS_KEY, SECRET_KEY

CLOCK_SECONDS = 5 * 60.0


def check_signature(method: str, target: str, headers: Headers, now: float) -> None:
    """Raise a refusal unless the request is signed and its time is near.

    ``target`` is path and query exactly as the client has sent them: an encoded colon is not a colon.
    """
    timestamp = headers.get("x-ncp-apigw-timestamp", "")
    if not timestamp.isascii() or not timestamp.isdigit():
        raise _unauthorized("The timestamp is missing.")
    if abs(int(timestamp) / 1000 - now) > CLOCK_SECONDS:
        raise _unauthorized("The timestamp differs from ours by more than 5 minutes.")
    if headers.get("x-ncp-iam-access-key") != ACCESS_KEY:
        raise _unauthorized("The access key is unknown.")
    text = f"{method} {target}\n{timestamp}\n{ACCESS_KEY}"
    expected = base64.b64encode(hmac.new(SECRET_KEY.encode(), text.encode(), hashlib.sha256).digest())
    if not hmac.compare_digest(expected, headers.get("x-ncp-apigw-signature-v2", "").encode()):
        raise _unauthorized("Invalid authentication information.")


def _unauthorized(details: str) -> Refusal:
    return Refusal(
        401, {"error": {"errorCode": "200", "message": "Authentication Failed", "details": details}}
    )
