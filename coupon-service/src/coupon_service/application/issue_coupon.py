"""Accepting a user's request for a coupon. Whether there is one left is decided later, in order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from coupon_service.application.idempotency import Idempotency
from coupon_service.domain.errors import CouponNotFound
from coupon_service.domain.request import CouponRequest
from servicekit.clock import Clock


@dataclass(frozen=True, slots=True)
class IssueCouponCommand:
    user_id: int
    coupon_id: int
    idempotency: Idempotency | None = None


class CouponDirectory(Protocol):
    def exists(self, coupon_id: int) -> bool: ...


class Acceptance(Protocol):
    """Makes requests durable. The place where concurrent requests could come to share a transaction."""

    def accept(self, request: CouponRequest) -> UUID:
        """When this returns, request and event are committed."""
        ...

    def accept_once(self, request: CouponRequest, idempotency: Idempotency) -> UUID:
        """Like :meth:`accept`; a key that came before stores nothing and gives the first request's id."""
        ...


class IssueCoupon:
    """Accepts a request: durable before it is answered, with the event that will get it decided."""

    def __init__(
        self, coupons: CouponDirectory, acceptance: Acceptance, clock: Clock, new_id: Callable[[], UUID]
    ) -> None:
        self._coupons = coupons
        self._acceptance = acceptance
        self._clock = clock
        self._new_id = new_id

    def handle(self, command: IssueCouponCommand) -> UUID:
        """The id under which the request's fate can be read. Raises CouponNotFound."""
        if not self._coupons.exists(command.coupon_id):
            raise CouponNotFound(command.coupon_id)
        request = CouponRequest(self._new_id(), command.coupon_id, command.user_id, self._clock.now())
        if command.idempotency is None:
            return self._acceptance.accept(request)
        return self._acceptance.accept_once(request, command.idempotency)
