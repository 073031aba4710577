"""Users' coupons, which belong to the coupon service, and what has to be released there."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from order_service.domain.coupon import CouponRelease, CouponReleaseBacklog, CouponReservation
from order_service.domain.coupon_outcome import ReleaseOutcome, ReservationOutcome


class Coupons(Protocol):
    """The coupon service. Each call takes a few seconds at most."""

    def reserve(
        self, reservation: CouponReservation, before_sending: Callable[[], None]
    ) -> ReservationOutcome:
        """Hold the coupon for the order; once more does nothing.

        ``before_sending`` is called once a connection stands: what it raises is raised, and nothing is sent.
        """
        ...

    def release(self, release: CouponRelease) -> ReleaseOutcome:
        """End the order's reservation, if there is one. Later the order can't reserve the coupon again."""
        ...


@dataclass(frozen=True, slots=True)
class ClaimedRelease:
    """A release that its claimer alone asks for, for the ``number``-th time."""

    release: CouponRelease
    number: int
    is_settled: bool
    """Whether a reservation that was sent before can no longer arrive."""


class CouponReleases(Protocol):
    """The coupons that have to be released, each asked for by one process at a time."""

    def add(self, release: CouponRelease, begins_after: timedelta) -> None:
        """Release it after so long, unless it is withdrawn until then."""
        ...

    def add_expired(self, order_ids: Collection[UUID]) -> None:
        """Release the coupons of these orders."""
        ...

    def withdraw(self, order_id: UUID) -> bool:
        """Whether the order may use its coupon; false once a process has begun to release it."""
        ...

    def hasten(self, order_id: UUID) -> None:
        """Release the order's coupon at once."""
        ...

    def has_any(self, user_coupon_id: int, besides: UUID) -> bool:
        """Whether the coupon of another order has to be released."""
        ...

    def claim(self, lease: timedelta, arrives_within: timedelta) -> ClaimedRelease | None:
        """The release that has been due for longest.

        Once the caller commits, no other one gets it for as long as ``lease``. A reservation arrives within
        ``arrives_within`` of the request for its release.
        """
        ...

    def postpone(self, claimed: ClaimedRelease, pause: timedelta) -> None:
        """Make it due again after ``pause``, unless another process has claimed it since."""
        ...

    def drop(self, release: CouponRelease) -> None:
        """It is released."""
        ...

    def backlog(self) -> CouponReleaseBacklog: ...


ReportCouponReleases = Callable[[CouponReleaseBacklog], None]
"""Shows operators what waits."""
