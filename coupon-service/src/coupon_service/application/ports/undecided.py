"""Pages of requests, to find the oldest that waits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class UndecidedPage:
    """What a page of requests says, in the order of their ids. Ages are the database's."""

    last_id: UUID | None
    """None behind the last page."""
    first_undecided_id: UUID | None
    """Of those that are undecided, whatever their age and state."""
    oldest_seconds: float | None
    """Of those that are published and older than a minute."""


class UndecidedPages(Protocol):
    def now(self) -> datetime: ...

    def after(self, request_id: UUID) -> UndecidedPage: ...
