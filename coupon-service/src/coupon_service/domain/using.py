"""What may be done to a coupon that a user holds, and by whom: the state machine, as pure functions."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from coupon_service.domain.errors import (
    OrderAmountTooSmall,
    ReservationDiffers,
    UserCouponNotFound,
    UserCouponTransitionRefused,
)
from coupon_service.domain.user_coupon import (
    Reservation,
    UserCoupon,
    UserCouponChange,
    UserCouponChangeKind,
    UserCouponState,
    UserCouponStatus,
)
from coupon_service.domain.user_coupon_command import (
    Confirm,
    GiveBack,
    Release,
    Reserve,
    Restore,
    Revoke,
    Use,
    UserCouponCommand,
)

_CANCELLED = "the order was cancelled"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state after a command, and the changes that lead to it from what is stored; none for a repetition.

    It holds if the stored state is still the judged one and the time is before ``valid_until``.
    """

    state: UserCouponState
    changes: list[UserCouponChange]
    valid_until: datetime | None = None


def judge(
    held: UserCoupon,
    command: UserCouponCommand,
    last_of_order: UserCouponChangeKind | None,
    moment: datetime,
) -> Outcome:
    """What ``command`` does at ``moment``. A command that was done already does nothing and succeeds.

    ``last_of_order`` is the last stored change of this user coupon by the command's order. Changes by time
    that are due come before the command's own change. Raises :class:`UserCouponTransitionRefused`,
    :class:`ReservationDiffers`, :class:`OrderAmountTooSmall`, and :class:`UserCouponNotFound` for a user that
    holds another one. A paid order has no time to keep: only what another did refuses it.
    """
    state, due = held.state.at(moment)
    match command:
        case Reserve():
            outcome = _reserve(held, state, command, last_of_order, moment)
        case Confirm(order_id):
            outcome = _confirm(state, order_id, moment)
        case Release():
            outcome = _release(state, command, last_of_order, moment)
        case GiveBack():
            outcome = _give_back(held, state, command, moment)
        case Revoke():
            outcome = _revoke(state, command, moment)
        case Use():
            outcome = _use(held, state, command, moment)
        case Restore(order_id):
            outcome = _restore(state, order_id, moment)
    if not outcome.changes:
        return outcome
    return Outcome(outcome.state, due + outcome.changes, valid_until=state.stands_until)


def _reserve(
    held: UserCoupon,
    state: UserCouponState,
    command: Reserve,
    last_of_order: UserCouponChangeKind | None,
    moment: datetime,
) -> Outcome:
    if command.user_id != held.user_id:
        raise UserCouponNotFound
    reservation = state.reservation
    if reservation is not None and reservation.order_id == command.order_id:
        if reservation.order_amount != command.order_amount:
            raise ReservationDiffers(None, state.status)
        return Outcome(state, [])
    # A late repetition of a reservation must not hold the coupon again that its order has released.
    if last_of_order is UserCouponChangeKind.RELEASED:
        raise UserCouponTransitionRefused("This order has released the user coupon.", state.status)
    if state.status is not UserCouponStatus.ISSUED:
        raise _refusal(state, "be reserved for this order")
    if command.order_amount < held.minimum_order_amount:
        raise OrderAmountTooSmall(held.minimum_order_amount)
    reservation = Reservation(
        command.order_id,
        command.order_amount,
        held.discount.off(command.order_amount),
        moment + command.hold,
    )
    change = _by_order(UserCouponChangeKind.RESERVED, moment, command.order_id)
    return Outcome(state.changed(UserCouponStatus.RESERVED, reservation), [change])


def _confirm(state: UserCouponState, order_id: UUID, moment: datetime) -> Outcome:
    if state.reservation is None or state.reservation.order_id != order_id:
        raise _refusal(state, "be confirmed for this order")
    if state.status is UserCouponStatus.USED:
        return Outcome(state, [])
    change = _by_order(UserCouponChangeKind.USED, moment, order_id)
    return Outcome(state.changed(UserCouponStatus.USED, state.reservation), [change])


def _release(
    state: UserCouponState, command: Release, last_of_order: UserCouponChangeKind | None, moment: datetime
) -> Outcome:
    is_holder = state.reservation is not None and state.reservation.order_id == command.order_id
    if not is_holder and last_of_order is not None:
        # Released, lapsed or revoked: however its reservation ended, the order does not hold it.
        return Outcome(state, [])
    if not is_holder or state.status is not UserCouponStatus.RESERVED:
        raise _refusal(state, "be released by this order")
    change = _by_order(UserCouponChangeKind.RELEASED, moment, command.order_id, command.reason)
    return Outcome(state.changed(UserCouponStatus.ISSUED, None), [change])


def _give_back(held: UserCoupon, state: UserCouponState, command: GiveBack, moment: datetime) -> Outcome:
    if command.user_id != held.user_id:
        raise UserCouponNotFound
    if state.status is UserCouponStatus.GIVEN_BACK:
        return Outcome(state, [])
    if state.status is not UserCouponStatus.ISSUED:
        raise _refusal(state, "be given back")
    change = UserCouponChange(
        UserCouponChangeKind.GIVEN_BACK, moment, actor=f"user {command.user_id}", reason=command.reason
    )
    return Outcome(state.changed(UserCouponStatus.GIVEN_BACK, None), [change])


def _revoke(state: UserCouponState, command: Revoke, moment: datetime) -> Outcome:
    if state.status is UserCouponStatus.REVOKED:
        return Outcome(state, [])
    if state.status not in (UserCouponStatus.ISSUED, UserCouponStatus.RESERVED):
        raise _refusal(state, "be revoked")
    change = UserCouponChange(
        UserCouponChangeKind.REVOKED, moment, actor=command.actor, reason=command.reason
    )
    return Outcome(state.changed(UserCouponStatus.REVOKED, None), [change])


def _use(held: UserCoupon, state: UserCouponState, command: Use, moment: datetime) -> Outcome:
    if command.user_id != held.user_id:
        raise UserCouponNotFound
    reservation = state.reservation
    is_free = state.status in (UserCouponStatus.ISSUED, UserCouponStatus.EXPIRED)
    if not is_free and (reservation is None or reservation.order_id != command.order_id):
        raise _refusal(state, "be used by this order")
    if state.status is UserCouponStatus.USED:
        return Outcome(state, [])
    if reservation is None:
        # Its own has lapsed, or it never had one.
        off = held.discount.off(command.order_amount)
        reservation = Reservation(command.order_id, command.order_amount, off, reserved_until=moment)
    change = _by_order(UserCouponChangeKind.USED, moment, command.order_id)
    return Outcome(state.changed(UserCouponStatus.USED, reservation), [change])


def _restore(state: UserCouponState, order_id: UUID, moment: datetime) -> Outcome:
    if state.reservation is None or state.reservation.order_id != order_id:
        return Outcome(state, [])
    # Where its validity is over, time makes it EXPIRED at once.
    change = _by_order(UserCouponChangeKind.RELEASED, moment, order_id, _CANCELLED)
    return Outcome(state.changed(UserCouponStatus.ISSUED, None), [change])


def _by_order(
    kind: UserCouponChangeKind, moment: datetime, order_id: UUID, reason: str | None = None
) -> UserCouponChange:
    return UserCouponChange(kind, moment, f"order {order_id}", reason, order_id)


def _refusal(state: UserCouponState, verb: str) -> UserCouponTransitionRefused:
    return UserCouponTransitionRefused(f"A user coupon that is {state.status} cannot {verb}.", state.status)
