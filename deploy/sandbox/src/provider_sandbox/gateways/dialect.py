"""What differs from gateway to gateway in how any request is answered."""

from typing import Protocol

from provider_sandbox.gateways.idempotency import Request
from provider_sandbox.gateways.names import GatewayName
from provider_sandbox.gateways.reply import GatewayReply


class Dialect(Protocol):
    """How one gateway speaks."""

    @property
    def gateway(self) -> GatewayName: ...

    @property
    def key_lifetime_seconds(self) -> float:
        """How long an idempotency key lives from its first use."""
        ...

    def authenticate(self) -> None:
        """Raises Refused unless the request being served has the account's credentials."""
        ...

    def idempotent_request(self) -> Request | None:
        """The key of the request being served. Raises Refused for one that isn't well formed."""
        ...

    def provoked(self) -> GatewayReply | None:
        """The error that the request itself asks for."""
        ...

    def still_running(self) -> GatewayReply: ...

    def invalid(self, detail: str) -> GatewayReply:
        """The request isn't well formed."""
        ...

    def error(self, code: str | None) -> GatewayReply:
        """The error ``code``; by default a failure of the gateway."""
        ...
