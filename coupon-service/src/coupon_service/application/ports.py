"""What the use cases need of databases and messages."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

from coupon_service.domain.coupon import Coupon, CouponTerms
from coupon_service.domain.coupon_change import CouponChange, CouponCommand
from coupon_service.domain.coupon_request import (
    CouponRequest,
    CouponRequestStanding,
    Decision,
    NewCouponRequest,
    RequestToDecide,
    StoredRequest,
)
from coupon_service.domain.deciding import CouponStock
from coupon_service.domain.line import Line
from coupon_service.domain.reconciling import (
    CouponCount,
    DeadLetterState,
    DifferenceKind,
    NumberRange,
    Place,
    UndecidedRequests,
)
from coupon_service.domain.user_coupon import (
    UserCoupon,
    UserCouponChange,
    UserCouponChangeKind,
    UserCouponState,
)
from servicekit.idempotency.key import Claim, IdempotencyKey, Outcome
from servicekit.outbox.event import OutboxEvent


class Coupons(Protocol):
    def add(self, terms: CouponTerms) -> Coupon:
        """Store a coupon, none of it issued; its id and its time are the database's."""
        ...

    def get(self, coupon_id: int) -> Coupon | None: ...

    def changed_since(self, versions: Mapping[int, str]) -> Mapping[int, tuple[str, Coupon]]:
        """Those of the coupons that exist with another version than the one given here, with that version."""
        ...

    def lock_stocks(self, coupon_ids: Collection[int]) -> Mapping[int, CouponStock]:
        """The stocks of the coupons that exist, locked by order of id until the transaction ends."""
        ...

    def record_progress(self, decisions: Sequence[Decision]) -> None:
        """Count these decisions, and what they issued, on their coupons."""
        ...

    def lock(self, coupon_id: int) -> Coupon | None:
        """The coupon, which nothing else changes or decides until the transaction ends."""
        ...

    def change(self, before: Coupon, after: Coupon, command: CouponCommand, changed_at: datetime) -> None:
        """Store and record what ``command`` did to a locked coupon."""
        ...

    def newest(self, limit: int, before: int | None) -> Sequence[Coupon]:
        """The newest ``limit`` coupons, of those older than the coupon ``before``."""
        ...

    def changes(self, coupon_id: int, limit: int, before: int | None) -> Sequence[CouponChange]:
        """The newest ``limit`` changes of a coupon, of those older than the change ``before``."""
        ...


class CouponRequests(Protocol):
    def add_all(self, new: Sequence[NewCouponRequest]) -> Sequence[CouponRequest]:
        """Store requests that are accepted now, by the database's clock; in their order."""
        ...

    def standings(self, request_ids: Collection[UUID]) -> Mapping[UUID, CouponRequestStanding]:
        """The requests that are stored, each with its place in line, by id."""
        ...

    def stored(self, request_ids: Sequence[UUID]) -> Mapping[UUID, StoredRequest]:
        """Those of the requests that are stored, by id."""
        ...

    def record_decisions(self, decisions: Sequence[Decision], decided_at: datetime) -> bool:
        """Store them; false, and some or none are stored, if one of the requests is decided already."""
        ...


class CouponCounters(Protocol):
    def recount(self, coupon_id: int) -> bool:
        """Set the counters by what is stored, under the coupon's lock; false where only a human can."""
        ...


class UserCoupons(Protocol):
    """The coupons that users hold."""

    def holders(self, requests: Sequence[CouponRequest]) -> Mapping[int, Mapping[int, int]]:
        """By coupon and user: how many each user in ``requests`` has got of the coupon requested, if any."""
        ...

    def add_issued(self, decisions: Sequence[Decision], issued_at: datetime) -> None:
        """Store what ``decisions`` issued; rejections are passed over."""
        ...

    def of_user(self, user_id: int, limit: int, before: int | None) -> Sequence[UserCoupon]:
        """The newest ``limit`` of a user's coupons, of those older than the user coupon ``before``."""
        ...

    def get(self, user_coupon_id: int) -> UserCoupon | None:
        """The user coupon as it is stored: what time has changed since may be missing."""
        ...

    def get_for_order(
        self, user_coupon_id: int, order_id: UUID | None
    ) -> tuple[UserCoupon, UserCouponChangeKind | None] | None:
        """The same with the last change of it that is recorded for the order, both of one moment."""
        ...

    def change(
        self,
        judged: UserCoupon,
        after: UserCouponState,
        changes: Sequence[UserCouponChange],
        valid_until: datetime | None,
    ) -> bool:
        """Store and record ``changes``.

        Stores nothing and returns false if ``judged`` is no longer what is stored, or if it is
        ``valid_until`` by the database's clock.
        """
        ...

    def changes(
        self, user_coupon_id: int, limit: int, before: int | None
    ) -> Sequence[tuple[int, UserCouponChange]]:
        """The newest ``limit`` recorded changes with their numbers, of those before number ``before``."""
        ...


@dataclass(frozen=True, slots=True)
class StandingRequest:
    """A request in the line of its coupon.

    ``decided_count``: how many requests for the coupon were decided then; None if there is no coupon.
    """

    coupon_id: int
    batch: int
    is_undecided: bool
    decided_count: int | None


class Lines(Protocol):
    """The lines of undecided requests."""

    def find(self, request_ids: Collection[UUID]) -> Mapping[UUID, StandingRequest]:
        """The requests that are stored, by id."""
        ...

    def decided(self, request_ids: Collection[UUID]) -> Collection[UUID]:
        """Those of the requests that are decided."""
        ...

    def decided_counts(self, coupon_ids: Collection[int]) -> Mapping[int, int]:
        """How many requests for each coupon are decided."""
        ...

    def decided_since(self, decided_counts: Mapping[int, int]) -> Mapping[int, Sequence[str]]:
        """By coupon: which requests were decided after the count given."""
        ...

    def of_coupons(self, coupon_ids: Collection[int]) -> Mapping[int, Line]:
        """Lines by coupon; none where no request is undecided."""
        ...


class Outbox(Protocol):
    """Events that are published once the transaction has committed."""

    def append_all(self, events: Iterable[OutboxEvent]) -> None:
        """Events of one key are published in the order given here."""
        ...


class Inbox(Protocol):
    """The events applied so far."""

    def accept(self, event_ids: Iterable[UUID]) -> AbstractSet[UUID]:
        """Remember all of these and return those that are new. Waits for a concurrent first use."""
        ...


class IdempotencyKeys(Protocol):
    """The requests answered so far."""

    def claim(self, key: IdempotencyKey, reply: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """None for a new key, which then has ``reply``; otherwise the reply of its first use.

        Waits for a concurrent first use. Raises IdempotencyKeyReused where that was another request.
        """
        ...

    def claim_all(self, claims: Sequence[Claim]) -> Sequence[Outcome]:
        """:meth:`claim` for each, as if one after the other; an IdempotencyKeyReused is returned."""
        ...

    def find_all(self, keys: Sequence[IdempotencyKey]) -> list[Outcome]:
        """The outcome that each key would have, by what is committed, without claiming it."""
        ...


class UnitOfWork(Protocol):
    """One transaction, rolled back unless :meth:`commit` is called."""

    @property
    def coupons(self) -> Coupons: ...

    @property
    def coupon_counters(self) -> CouponCounters: ...

    @property
    def coupon_requests(self) -> CouponRequests: ...

    @property
    def user_coupons(self) -> UserCoupons: ...

    @property
    def lines(self) -> Lines: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def inbox(self) -> Inbox: ...

    @property
    def idempotency_keys(self) -> IdempotencyKeys: ...

    def now(self) -> datetime:
        """The database's clock, which all hosts share."""
        ...

    def commit(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


UnitOfWorkFactory = Callable[[], UnitOfWork]

RequestEvent = Callable[[CouponRequest, str | None], OutboxEvent]
"""Makes the event that the request was accepted and awaits its decision, in the trace given."""


class Gate(Protocol):
    """Which requests can't succeed, without a transaction for each question."""

    def check(self, coupon_id: int) -> None:
        """Raises CouponNotFound and CouponNotAvailable. What passes may still be rejected."""
        ...

    def check_known(self, coupon_id: int) -> bool:
        """:meth:`check` without waiting; false if that can't tell."""
        ...


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

    def gaps(self) -> Sequence[str]:
        """The offsets that were missing in what :meth:`records` has read, and not at its beginning."""
        ...

    def dead_letters(self) -> Mapping[Place, DeadLetterState]:
        """By the place of the original."""
        ...


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
