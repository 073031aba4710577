"""Which clients a broker accepts, and how: a stack's own accepts all of them, in plain text."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

SCRAM_MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256")


class BrokerSecurity:
    """By default none; tests derive theirs."""

    users: Mapping[str, str] = MappingProxyType({})
    """SCRAM passwords by user name; the first user is the broker itself."""

    @property
    def client_options(self) -> Mapping[str, str]:
        """kafka-python's options for the broker's own user."""
        return {}

    def listeners(self, host: str, port: int) -> list[str]:
        return [f"PLAINTEXT://{host}:{port}"]

    def properties(self, directory: Path) -> dict[str, str]:
        """Return the broker's settings; files that they name are written into the directory."""
        return {}
