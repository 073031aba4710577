"""What the use cases need of the world, in their own words."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from coupon_service.domain.coupon import Coupon, NewCoupon
from coupon_service.domain.deciding import CampaignState
from coupon_service.domain.request import CouponRequest, CouponRequestView, Decision
from coupon_service.domain.user_coupon import UserCoupon
from servicekit.outbox.event import OutboxEvent


class Coupons(Protocol):
    def add(self, coupon: NewCoupon, created_at: datetime) -> int:
        """Store a campaign; its number."""
        ...

    def get(self, coupon_id: int) -> Coupon | None: ...

    def lock_campaigns(self, coupon_ids: Collection[int]) -> dict[int, CampaignState]:
        """Those that exist, locked in the order of their numbers until the transaction ends."""
        ...

    def record_progress(self, decisions: Sequence[Decision]) -> None:
        """Count these decisions, and what they issued, on their coupons."""
        ...


class CouponRequests(Protocol):
    def add_all(self, requests: Sequence[CouponRequest]) -> None: ...

    def adopt(self, requests: Sequence[CouponRequest]) -> None:
        """Store those whose id is not taken."""
        ...

    def get(self, request_id: UUID) -> CouponRequestView | None: ...

    def get_all(self, request_ids: Collection[UUID]) -> dict[UUID, CouponRequestView]: ...

    def record_decisions(self, decisions: Sequence[Decision], decided_at: datetime) -> None: ...


class UserCoupons(Protocol):
    def holders(self, requests: Sequence[CouponRequest]) -> Mapping[int, AbstractSet[int]]:
        """By coupon: which of the users in ``requests`` hold the coupon that they ask for."""
        ...

    def add_issued(self, decisions: Sequence[Decision], issued_at: datetime) -> None:
        """Hand out what ``decisions`` issued."""
        ...

    def of_user(self, user_id: int, limit: int, before: int | None) -> list[UserCoupon]:
        """The newest ``limit`` of a user's coupons, of those older than the user coupon ``before``."""
        ...


class Outbox(Protocol):
    def append_all(self, events: Iterable[OutboxEvent]) -> None: ...


class Inbox(Protocol):
    def accept(self, event_ids: Iterable[UUID]) -> set[UUID]: ...


class IdempotencyKeys(Protocol):
    def begin(self, key: str, fingerprint: str) -> dict[str, Any] | None: ...

    def finish(self, key: str, reply: Mapping[str, Any]) -> None: ...


class Transaction(Protocol):
    """One database transaction. It ends without effect unless :meth:`commit` was called."""

    @property
    def coupons(self) -> Coupons: ...
    @property
    def requests(self) -> CouponRequests: ...
    @property
    def user_coupons(self) -> UserCoupons: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def idempotency_keys(self) -> IdempotencyKeys: ...

    def commit(self) -> None: ...


class Database(Protocol):
    def begin(self) -> AbstractContextManager[Transaction]: ...
