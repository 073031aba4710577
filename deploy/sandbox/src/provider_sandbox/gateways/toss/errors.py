"""Toss's errors as replies."""

from provider_sandbox.gateways.reply import GatewayReply, Refused
from provider_sandbox.gateways.toss.codes import message_of, status_of


def error(code: str, message: str | None = None) -> GatewayReply:
    return GatewayReply.of({"code": code, "message": message or message_of(code)}, status_of(code))


def refused(code: str, message: str | None = None) -> Refused:
    return Refused(error(code, message))
