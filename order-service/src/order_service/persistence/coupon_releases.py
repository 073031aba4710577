"""The coupons that have to be released, each asked for by one process at a time."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, delete, exists, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from order_service.application.ports import ClaimedRelease
from order_service.domain.coupon import CouponRelease, CouponReleaseBacklog
from order_service.persistence.tables import coupon_release as releases
from order_service.persistence.tables import orders

_NOW = func.clock_timestamp()


class SqlCouponReleases:
    """The releases on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, release: CouponRelease, begins_after: timedelta) -> None:
        self._connection.execute(
            insert(releases).values(
                order_id=release.order_id,
                user_coupon_id=release.user_coupon_id,
                requested_at=_NOW,
                next_at=_NOW + begins_after,
                attempts=0,
            )
        )

    def add_expired(self, order_ids: Collection[UUID]) -> None:
        if not order_ids:
            return
        held = select(orders.c.order_id, orders.c.user_coupon_id, _NOW, _NOW, literal(0)).where(
            orders.c.order_id.in_(order_ids), orders.c.user_coupon_id.is_not(None)
        )
        columns = ["order_id", "user_coupon_id", "requested_at", "next_at", "attempts"]
        self._connection.execute(insert(releases).from_select(columns, held).on_conflict_do_nothing())

    def withdraw(self, order_id: UUID) -> bool:
        # The claim of a process is committed before it asks; a claim that isn't yet is waited for.
        withdrawn = self._connection.execute(
            delete(releases)
            .where(releases.c.order_id == order_id, releases.c.attempts == 0)
            .returning(releases.c.order_id)
        )
        return withdrawn.one_or_none() is not None

    def hasten(self, order_id: UUID) -> None:
        self._connection.execute(
            update(releases)
            .where(releases.c.order_id == order_id, releases.c.attempts == 0)
            .values(next_at=_NOW)
        )

    def has_any(self, user_coupon_id: int, besides: UUID) -> bool:
        waits = exists().where(releases.c.user_coupon_id == user_coupon_id, releases.c.order_id != besides)
        return bool(self._connection.execute(select(waits)).scalar_one())

    def claim(self, lease: timedelta, arrives_within: timedelta) -> ClaimedRelease | None:
        row = self._connection.execute(
            select(releases, (releases.c.requested_at <= _NOW - arrives_within).label("is_settled"))
            .where(releases.c.next_at <= func.statement_timestamp())
            .order_by(releases.c.next_at)
            .limit(1)
            # Skipping, not waiting: another process has claimed the locked rows, or places their orders.
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if row is None:
            return None
        number = row.attempts + 1
        self._connection.execute(
            update(releases)
            .where(releases.c.order_id == row.order_id)
            .values(attempts=number, next_at=_NOW + lease)
        )
        return ClaimedRelease(CouponRelease(row.order_id, row.user_coupon_id), number, row.is_settled)

    def postpone(self, claimed: ClaimedRelease, pause: timedelta) -> None:
        self._connection.execute(
            update(releases)
            .where(
                releases.c.order_id == claimed.release.order_id,
                releases.c.attempts == claimed.number,
            )
            .values(next_at=_NOW + pause)
        )

    def drop(self, release: CouponRelease) -> None:
        self._connection.execute(delete(releases).where(releases.c.order_id == release.order_id))

    def backlog(self) -> CouponReleaseBacklog:
        # Those of orders that are being placed don't wait yet.
        is_waiting = or_(releases.c.attempts > 0, releases.c.next_at <= _NOW)
        waiting, oldest_seconds = self._connection.execute(
            select(func.count(), func.extract("epoch", _NOW - func.min(releases.c.requested_at))).where(
                is_waiting
            )
        ).one()
        return CouponReleaseBacklog(waiting, max(0.0, float(oldest_seconds or 0)))
