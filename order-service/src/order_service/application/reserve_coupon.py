"""Reserving a user's coupon for an order that is about to be placed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from order_service.application.ports import Coupons, UnitOfWorkFactory
from order_service.domain.coupon import CouponRelease, CouponReservation, OrderCoupon
from order_service.domain.coupon_outcome import (
    CouponNotSent,
    CouponRefused,
    CouponReserved,
    CouponUnclear,
)
from order_service.domain.errors import (
    CouponBusy,
    CouponServiceUnavailable,
    CouponsNotAccepted,
    OrderAmountTooSmall,
    OrderError,
    UserCouponNotUsable,
)
from servicekit.lease_clock import lease_clock_seconds
from servicekit.outbound.turns import Turns

PLACED_WITHIN = timedelta(seconds=30)
"""Then the coupon is released unless its order is placed."""
_SENT_WITHIN_SECONDS = 10.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReserveCouponCommand:
    """Which coupon, for which order; ``order_amount`` is before the discount, in minor units."""

    order_id: UUID
    user_coupon_id: int
    user_id: int
    order_amount: int
    currency: str


class ReserveCoupon:
    """Holds a coupon for longer than its order may wait for the payment; of orders in one ``currency``.

    That the coupon has to be released is stored first, for a later moment: whatever happens, a worker
    releases it then. Placing the order withdraws the release. ``turns`` are for the call: without one nothing
    is stored, and nobody asked.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        coupons: Coupons,
        turns: Turns,
        hold: timedelta,
        currency: str,
        clock_seconds: Callable[[], float] = lease_clock_seconds,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._coupons = coupons
        self._turns = turns
        self._hold = hold
        self._currency = currency
        self._clock_seconds = clock_seconds

    def __call__(self, command: ReserveCouponCommand) -> OrderCoupon:
        """What the order gets off. Everything else is an :class:`~order_service.domain.errors.OrderError`."""
        if command.currency != self._currency:
            raise CouponsNotAccepted(f"This shop takes coupons in orders in {self._currency} only.")
        if command.order_amount == 0:
            # Which the coupon service doesn't take for an amount.
            raise OrderAmountTooSmall
        # Before the release is stored, whose time would pass during the wait.
        with self._turns.one() as may_ask:
            if not may_ask:
                _log.warning("coupon_service_busy", order_id=str(command.order_id))
                raise CouponServiceUnavailable
            return self._reserve(command)

    def _reserve(self, command: ReserveCouponCommand) -> OrderCoupon:
        stored_at_seconds = self._clock_seconds()
        was_busy = self._store(CouponRelease(command.order_id, command.user_coupon_id))

        def check_time() -> None:
            # A process that stood still: by now the release may be done, and nobody would release it again.
            if self._clock_seconds() - stored_at_seconds > _SENT_WITHIN_SECONDS:
                _log.warning("coupon_not_reserved_in_time", order_id=str(command.order_id))
                raise CouponServiceUnavailable

        # No transaction is open: a slow service must hold neither locks nor a connection.
        with self._turns.calling():
            outcome = self._coupons.reserve(self._reservation(command), check_time)
        match outcome:
            case CouponReserved(discount_amount):
                return OrderCoupon(command.user_coupon_id, discount_amount)
            case CouponRefused(error):
                raise self._refusal(command, error, was_busy=was_busy)
            case CouponNotSent():
                self._withdraw(command.order_id)
                raise CouponServiceUnavailable
            case CouponUnclear():
                self._hasten(command.order_id)
                raise CouponServiceUnavailable

    def _reservation(self, command: ReserveCouponCommand) -> CouponReservation:
        return CouponReservation(
            command.order_id, command.user_coupon_id, command.user_id, command.order_amount, self._hold
        )

    def _store(self, release: CouponRelease) -> bool:
        with self._unit_of_work() as unit_of_work:
            unit_of_work.coupon_releases.add(release, PLACED_WITHIN)
            is_busy = unit_of_work.coupon_releases.has_any(release.user_coupon_id, release.order_id)
            unit_of_work.commit()
        return is_busy

    def _refusal(self, command: ReserveCouponCommand, error: OrderError, *, was_busy: bool) -> OrderError:
        with self._unit_of_work() as unit_of_work:
            unit_of_work.coupon_releases.withdraw(command.order_id)
            is_busy = unit_of_work.coupon_releases.has_any(command.user_coupon_id, command.order_id)
            unit_of_work.commit()
        # It is, or was, held by an order that failed, or that is being placed at this moment.
        return CouponBusy() if isinstance(error, UserCouponNotUsable) and (was_busy or is_busy) else error

    def _withdraw(self, order_id: UUID) -> None:
        with self._unit_of_work() as unit_of_work:
            unit_of_work.coupon_releases.withdraw(order_id)
            unit_of_work.commit()

    def _hasten(self, order_id: UUID) -> None:
        with self._unit_of_work() as unit_of_work:
            unit_of_work.coupon_releases.hasten(order_id)
            unit_of_work.commit()
