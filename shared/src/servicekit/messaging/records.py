"""What came from Kafka: a record, or a range that can't be read; and the verdict that it can't be used."""

from dataclasses import dataclass
from typing import NamedTuple


class ReceivedRecord(NamedTuple):
    """One record, undecoded. ``offset`` is its own, not the next one's; ``timestamp_ms`` counts from 1970."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp_ms: int = 0

    @property
    def next_offset(self) -> int:
        return self.offset + 1

    def header(self, name: str) -> str | None:
        """The last header called ``name`` as text, None when there is none or it isn't UTF-8."""
        for key, value in reversed(self.headers):
            if key == name and value is not None:
                try:
                    return value.decode()
                except UnicodeDecodeError:
                    return None
        return None


@dataclass(frozen=True, slots=True)
class UnreadableRecords:
    """Offsets from ``offset`` up to, and without, ``next_offset``, whose bytes can't be read.

    A batch with a codec that isn't known or with a wrong checksum, or one record of it that is malformed.
    """

    topic: str
    partition: int
    offset: int
    next_offset: int
    reason: str


class InvalidMessage(Exception):
    """This record can never be processed, however often it is delivered."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
