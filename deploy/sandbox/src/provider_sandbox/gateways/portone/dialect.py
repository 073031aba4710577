"""How PortOne answers any request: a secret in a header, quoted keys of 3 hours."""

import re

from flask import request

from provider_sandbox.gateways.idempotency import Request
from provider_sandbox.gateways.names import GatewayName
from provider_sandbox.gateways.portone.account import API_SECRET
from provider_sandbox.gateways.portone.errors import error, provider_error, refused
from provider_sandbox.gateways.reply import GatewayReply

_QUOTED_KEY = re.compile(r'"[\x20\x21\x23-\x5b\x5d-\x7e]{16,256}"')


class PortoneDialect:
    """See :class:`provider_sandbox.gateways.dialect.Dialect`."""

    gateway: GatewayName = "portone"
    key_lifetime_seconds = 3 * 3600.0

    def authenticate(self) -> None:
        if request.headers.get("Authorization") != f"PortOne {API_SECRET}":
            raise refused("UNAUTHORIZED")

    def idempotent_request(self) -> Request | None:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return None
        if not _QUOTED_KEY.fullmatch(key):
            raise refused("INVALID_REQUEST", "Idempotency-Key: 16 to 256 ASCII characters in double quotes")
        return Request(key, API_SECRET, request.method, request.path)

    def provoked(self) -> GatewayReply | None:
        return None

    def still_running(self) -> GatewayReply:
        return error("IDEMPOTENCY_OUTSTANDING_REQUEST")

    def invalid(self, detail: str) -> GatewayReply:
        return error("INVALID_REQUEST", detail)

    def error(self, code: str | None) -> GatewayReply:
        return provider_error("TIMEOUT") if code in (None, "PG_PROVIDER") else error(str(code))
