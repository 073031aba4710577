"""Releasing the coupons of orders that expired, or that were never placed."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from order_service.application.ports import ClaimedRelease, Coupons, UnitOfWorkFactory
from order_service.application.report_postponed import ReportPostponed
from order_service.domain.coupon_outcome import (
    CouponNotHeld,
    CouponUnanswered,
    CouponUnclear,
    ReleaseOutcome,
)
from servicekit.backoff import Backoff
from servicekit.lifecycle import StopSignal

BATCH_SIZE = 100
BACKOFF = Backoff(first_seconds=2.0, longest_seconds=60.0)
ARRIVES_WITHIN = timedelta(seconds=60)
"""After this time a reservation that was sent can no longer arrive at the coupon service."""
_LEASE = timedelta(seconds=30)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CouponsReleased:
    """What one run did: releases that were asked for, and those that are done."""

    asked: int = 0
    released: int = 0
    is_service_away: bool = False


class ReleaseCoupons:
    """Asks the coupon service for each release that is due until it is done, however long that takes.

    Several processes may do this at once: each release is claimed just before it is asked for, and has its
    own back-off: one of which the service says nonsense, or whose outcome the database refuses, delays no
    other. That an order never held its coupon counts only once its reservation can no longer arrive.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        coupons: Coupons,
        stop: StopSignal,
        report_postponed: ReportPostponed,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._coupons = coupons
        self._stop = stop
        self._report_postponed = report_postponed

    def __call__(self) -> CouponsReleased:
        """No more than a batch, and none after one without an answer."""
        asked = released = 0
        while asked < BATCH_SIZE and not self._stop.is_set():
            claimed = self._claim()
            if claimed is None:
                break
            asked += 1
            try:
                # No transaction is open.
                outcome = self._coupons.release(claimed.release)
                released += self._record(claimed, outcome)
            except Exception as error:  # noqa: BLE001 - what can't be stored must not delay the others
                order_id = claimed.release.order_id
                self._report_postponed("coupon_release_postponed", error, order_id=order_id)
                self._postpone(claimed)
                continue
            if isinstance(outcome, CouponUnanswered):
                return CouponsReleased(asked, released, is_service_away=True)
        return CouponsReleased(asked, released)

    def _claim(self) -> ClaimedRelease | None:
        with self._unit_of_work() as unit_of_work:
            claimed = unit_of_work.coupon_releases.claim(_LEASE, ARRIVES_WITHIN)
            # Before it is asked for: from now on the order can't be placed.
            unit_of_work.commit()
        return claimed

    def _record(self, claimed: ClaimedRelease, outcome: ReleaseOutcome) -> bool:
        is_open = isinstance(outcome, CouponUnclear) or (
            isinstance(outcome, CouponNotHeld) and not claimed.is_settled
        )
        with self._unit_of_work() as unit_of_work:
            if is_open:
                unit_of_work.coupon_releases.postpone(claimed, _pause(claimed))
            else:
                unit_of_work.coupon_releases.drop(claimed.release)
            unit_of_work.commit()
        if not is_open:
            release = claimed.release
            _log.info(
                "coupon_released",
                order_id=str(release.order_id),
                user_coupon_id=release.user_coupon_id,
                was_held=not isinstance(outcome, CouponNotHeld),
            )
        return not is_open

    def _postpone(self, claimed: ClaimedRelease) -> None:
        # If nothing can be stored at all, this ends the run.
        with self._unit_of_work() as unit_of_work:
            unit_of_work.coupon_releases.postpone(claimed, _pause(claimed))
            unit_of_work.commit()


def _pause(claimed: ClaimedRelease) -> timedelta:
    return timedelta(seconds=BACKOFF.seconds(claimed.number))
