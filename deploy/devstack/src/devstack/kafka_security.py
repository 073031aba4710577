"""What KafkaBroker needs to know of authentication. A stack's own broker has none; tests secure theirs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

SCRAM_MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256")


class BrokerSecurity(Protocol):
    @property
    def users(self) -> Mapping[str, str]:
        """SCRAM passwords by user name; the first user is the broker itself."""

    @property
    def client_options(self) -> Mapping[str, str]:
        """kafka-python's options for the broker's own user."""

    def listeners(self, host: str, port: int) -> list[str]: ...

    def properties(self, directory: Path) -> dict[str, str]:
        """Return the broker's settings; files that they name are written into the directory."""
