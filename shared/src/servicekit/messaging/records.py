"""A record as it came from Kafka, and the verdict that it can't be used."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReceivedRecord:
    """One record, undecoded. ``offset`` is its own, not the next one's."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    def header(self, name: str) -> str | None:
        """The last header called ``name`` as text, None when there is none or it isn't UTF-8."""
        for key, value in reversed(self.headers):
            if key == name and value is not None:
                try:
                    return value.decode()
                except UnicodeDecodeError:
                    return None
        return None


class InvalidMessage(Exception):
    """This record can never be processed, however often it is delivered."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
