"""What the use cases need of coupons, requests and the coupons that users hold."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from coupon_service.domain.coupon import Coupon, CouponTerms
from coupon_service.domain.coupon_change import CouponChange, CouponCommand
from coupon_service.domain.coupon_request import (
    CouponRequest,
    CouponRequestStanding,
    Decision,
    NewCouponRequest,
    StoredRequest,
)
from coupon_service.domain.deciding import CouponStock
from coupon_service.domain.line import Line
from coupon_service.domain.user_coupon import (
    UserCoupon,
    UserCouponChange,
    UserCouponChangeKind,
    UserCouponState,
)


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
