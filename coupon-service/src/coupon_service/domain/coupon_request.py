"""A user's request for a coupon, from its acceptance to its decision."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID


class RequestStatus(StrEnum):
    ACCEPTED = "ACCEPTED"
    ISSUED = "ISSUED"
    REJECTED = "REJECTED"


class RejectionReason(StrEnum):
    NOT_STARTED = "NOT_STARTED"
    ENDED = "ENDED"
    PAUSED = "PAUSED"
    DUPLICATE = "DUPLICATE"
    SOLD_OUT = "SOLD_OUT"
    UNKNOWN_COUPON = "UNKNOWN_COUPON"
    OTHER = "OTHER"
    """A reason that only a newer release knows, whose worker runs beside this one during an upgrade."""

    @classmethod
    def _missing_(cls, value: object) -> Self:
        # One request that can't be read would hide all that are read with it.
        return cls(cls.OTHER)


@dataclass(frozen=True, slots=True)
class NewCouponRequest:
    """A request that is not accepted yet."""

    request_id: UUID
    coupon_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class CouponRequest:
    """An accepted request that awaits its decision. ``requested_at`` is when it was accepted."""

    request_id: UUID
    coupon_id: int
    user_id: int
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class RequestToDecide:
    """What the event ``event_id`` says about a request that was accepted."""

    event_id: UUID
    request_id: UUID
    coupon_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """An accepted request, and whether it has its decision by now."""

    request: CouponRequest
    is_decided: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """How a request was decided.

    ``decision_number`` is its place (1, 2, 3, …) in the coupon's order of decision, rejections counted; only
    a request for an unknown coupon has none. ``issue_number`` (1 … total quantity) is set when a coupon was
    issued, ``reason`` when it was not. ``copy_number`` (1 … limit a user) counts the coupons of this kind
    that the user got.
    """

    request: CouponRequest
    decision_number: int | None
    issue_number: int | None = None
    reason: RejectionReason | None = None
    copy_number: int | None = None

    @property
    def status(self) -> RequestStatus:
        return RequestStatus.REJECTED if self.issue_number is None else RequestStatus.ISSUED


@dataclass(frozen=True, slots=True)
class CouponRequestView:
    """A request as its user sees it, decided or not."""

    request: CouponRequest
    status: RequestStatus
    reason: RejectionReason | None
    decision_number: int | None
    issue_number: int | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class CouponRequestStanding:
    """A request, and while it is undecided its place in line (1 is next); None where that is not known.

    ``age_seconds`` is since its acceptance, by the clock that dated it.
    """

    view: CouponRequestView
    place: int | None
    age_seconds: float

    @property
    def is_undecided(self) -> bool:
        return self.view.status is RequestStatus.ACCEPTED
