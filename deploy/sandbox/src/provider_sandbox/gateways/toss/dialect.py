"""How Toss answers any request: Basic authentication, keys of 15 days, errors on demand of a header."""

import base64
import binascii

from flask import request

from provider_sandbox.gateways.idempotency import Request
from provider_sandbox.gateways.names import GatewayName
from provider_sandbox.gateways.reply import GatewayReply
from provider_sandbox.gateways.toss.account import SECRET_KEY
from provider_sandbox.gateways.toss.errors import error, refused

_LONGEST_KEY = 300


class TossDialect:
    """See :class:`provider_sandbox.gateways.dialect.Dialect`."""

    gateway: GatewayName = "toss"
    key_lifetime_seconds = 15 * 24 * 3600.0

    def authenticate(self) -> None:
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            raise refused("UNAUTHORIZED_KEY")
        try:
            credentials = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise refused("UNAUTHORIZED_KEY") from None
        secret_key, colon, _ = credentials.partition(":")
        if not colon:
            raise refused("INCORRECT_BASIC_AUTH_FORMAT", "시크릿 키 뒤에 ':'이 있어야 합니다.")
        if secret_key != SECRET_KEY:
            raise refused("UNAUTHORIZED_KEY")

    def idempotent_request(self) -> Request | None:
        key = request.headers.get("Idempotency-Key")
        if not key:
            return None
        if len(key) > _LONGEST_KEY:
            raise refused("INVALID_IDEMPOTENCY_KEY")
        return Request(key, SECRET_KEY, request.method, request.path)

    def provoked(self) -> GatewayReply | None:
        code = request.headers.get("TossPayments-Test-Code")
        return error(code) if code else None

    def still_running(self) -> GatewayReply:
        return error("IDEMPOTENT_REQUEST_PROCESSING")

    def invalid(self, detail: str) -> GatewayReply:
        return error("INVALID_REQUEST", f"잘못된 요청입니다. {detail}"[:510])

    def error(self, code: str | None) -> GatewayReply:
        return error(code or "FAILED_INTERNAL_SYSTEM_PROCESSING")
