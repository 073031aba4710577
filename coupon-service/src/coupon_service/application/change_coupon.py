"""An operator adds stock to a coupon, pauses, resumes or ends it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.application.read_coupon import CouponView
from coupon_service.domain.coupon import Coupon
from coupon_service.domain.coupon_change import CouponCommand
from coupon_service.domain.errors import CouponError, CouponNotFound
from servicekit.idempotency.key import Answer, IdempotencyKey


@dataclass(frozen=True, slots=True)
class ChangeCouponCommand:
    """What to do to which coupon."""

    coupon_id: int
    change: CouponCommand
    idempotency_key: IdempotencyKey | None = None


class ChangeCoupon:
    """Changes a coupon and records the change; once for each idempotency key.

    The coupon is locked as for deciding, and the time of the change is taken after that: every request that
    was decided before was accepted before it.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, command: ChangeCouponCommand) -> Answer[CouponView]:
        """The coupon after the change, made now or earlier.

        Raises :class:`CouponNotFound`, :class:`CouponTransitionRefused` and :class:`InvalidCoupon`.
        """
        with self._unit_of_work() as unit_of_work:
            before = unit_of_work.coupons.lock(command.coupon_id)
            if before is None:
                raise CouponNotFound
            moment = unit_of_work.now()
            after, refusal = _applied(command.change, before, moment)
            if command.idempotency_key is not None:
                # Before a refusal, too: what succeeded once is not refused to its repetition.
                earlier = unit_of_work.idempotency_keys.claim(command.idempotency_key, _facts(after, moment))
                if earlier is not None:
                    return Answer(_as_answered(before, earlier), is_replay=True)
            if refusal is not None:
                raise refusal
            if after != before:
                unit_of_work.coupons.change(before, after, command.change, moment)
            unit_of_work.commit()
        return Answer(CouponView(after, moment))


def _applied(change: CouponCommand, coupon: Coupon, moment: datetime) -> tuple[Coupon, CouponError | None]:
    try:
        return change.applied_to(coupon, moment), None
    except CouponError as refusal:
        return coupon, refusal


def _facts(coupon: Coupon, moment: datetime) -> dict[str, Any]:
    """What of a coupon's answer a later change may alter, as JSON."""
    times = {"readAt": moment, "pausedAt": coupon.paused_at, "endedAt": coupon.ended_at}
    return {
        "totalQuantity": coupon.terms.total_quantity,
        "issuedQuantity": coupon.issued_quantity,
        **{name: time and time.isoformat() for name, time in times.items()},
    }


def _as_answered(coupon: Coupon, facts: Mapping[str, Any]) -> CouponView:
    paused_at, ended_at = (
        facts[name] and datetime.fromisoformat(facts[name]) for name in ("pausedAt", "endedAt")
    )
    answered = replace(
        coupon,
        terms=replace(coupon.terms, total_quantity=facts["totalQuantity"]),
        issued_quantity=facts["issuedQuantity"],
        paused_at=paused_at,
        ended_at=ended_at,
    )
    return CouponView(answered, datetime.fromisoformat(facts["readAt"]))
