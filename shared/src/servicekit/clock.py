"""The time, as something that can be passed in."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The time of day. Tests hold it still; processes use :class:`SystemClock`."""

    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)
