"""What reconciliation needs of the database and of the topic."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from coupon_service.domain.coupon_request import RequestToDecide
from coupon_service.domain.reconciling import (
    CouponCount,
    DeadLetterState,
    DifferenceKind,
    NumberRange,
    Place,
    UndecidedRequests,
)

Found = tuple[DifferenceKind, object]
Page = tuple[int, Sequence[Found]]
"""How many rows were compared, and what differs, each with its id."""


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A record of the topic. ``event`` is None where it breaks its contract."""

    place: Place
    written_at: datetime
    event: RequestToDecide | None


class StoredFacts(Protocol):
    """What the service's own database says. Each page is one short statement, of one moment."""

    def now(self) -> datetime: ...

    def estimates(self) -> Mapping[str, int]:
        """About how many rows there are, by what is compared."""
        ...

    def requests(self, undecided: UndecidedRequests) -> Iterator[Page]:
        """Requests compared with users' coupons; adds those that have waited for long to ``undecided``."""
        ...

    def user_coupons(self) -> Iterator[Page]: ...

    def orders(self) -> Iterator[Page]:
        """Orders with a coupon, compared with what they have done to it."""
        ...

    def keys(self) -> Iterator[Page]: ...

    def coupons(self) -> Iterator[Sequence[CouponCount]]: ...

    def missing_issue_numbers(self, ranges: Sequence[NumberRange]) -> Sequence[NumberRange]: ...

    def missing_decision_numbers(self, ranges: Sequence[NumberRange]) -> Sequence[NumberRange]:
        """Without those that retention may have removed."""
        ...

    def outbox_events(self, undecided: UndecidedRequests) -> Iterator[Page]:
        """Events compared with their requests; says to ``undecided`` how far each is."""
        ...

    def refused(self, events: Sequence[RequestToDecide]) -> frozenset[UUID]:
        """The event ids of those that have no stored request of their user and coupon."""
        ...

    def next_offsets(self, identity: tuple[str, str | None]) -> Mapping[int, int]:
        """Up to where the worker has applied each partition of the topic with these ids."""
        ...

    def still_undecided(self, request_ids: Sequence[UUID]) -> frozenset[UUID]: ...


class RequestTopic(Protocol):
    """The topic of accepted requests, and its dead letters, outside of any consumer group."""

    def size(self) -> int: ...

    def identity(self) -> tuple[str, str | None]: ...

    def records(self) -> Iterator[Sequence[FoundRecord]]:
        """What it holds now."""
        ...

    def gaps(self) -> Iterator[str]:
        """The offsets that were missing in what :meth:`records` has read, and not at its beginning."""
        ...

    def dead_letters(self) -> Iterator[tuple[Place, DeadLetterState]]:
        """By the place of the original, which may have several."""
        ...
