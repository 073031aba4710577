"""Coupons that users hold."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    Insert,
    Row,
    Select,
    and_,
    bindparam,
    cast,
    func,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, INTEGER, TEXT
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.sql import column

from coupon_service.domain.coupon_request import CouponRequest, Decision
from coupon_service.domain.user_coupon import (
    Reservation,
    UserCoupon,
    UserCouponChange,
    UserCouponChangeKind,
    UserCouponState,
    UserCouponStatus,
)
from coupon_service.persistence.coupons import discount_in
from coupon_service.persistence.tables import coupon, user_coupon, user_coupon_change
from servicekit.db.arrays import hex_array

# If the state is not the judged one, or it is too late, nothing is changed and nothing recorded. The time is
# taken above the lock, since a condition beside it is not looked at again after a wait.
_CHANGE = text("""
    WITH judged AS MATERIALIZED (
        SELECT user_coupon_id, change_count, clock_timestamp() AS locked_at
          FROM (SELECT user_coupon_id, change_count FROM user_coupon
                 WHERE user_coupon_id = :user_coupon_id AND change_count = :judged_count
                   FOR UPDATE) AS locked),
    changed AS (
        UPDATE user_coupon
           SET status = :status, change_count = :change_count, order_id = :order_id,
               order_amount = :order_amount, discount_amount = :discount_amount,
               reserved_until = :reserved_until
          FROM judged
         WHERE user_coupon.user_coupon_id = judged.user_coupon_id
           AND locked_at < coalesce(:valid_until, CAST('infinity' AS timestamptz))
        RETURNING user_coupon.user_coupon_id, judged.change_count)
    INSERT INTO user_coupon_change
           (user_coupon_id, change_number, kind, order_id, actor, reason, changed_at)
    SELECT user_coupon_id, change_count + ordinality, kind, change.order_id, actor, reason, changed_at
      FROM changed, unnest(CAST(:kinds AS text[]), CAST(:order_ids AS uuid[]), CAST(:actors AS text[]),
                           CAST(:reasons AS text[]), CAST(:times AS timestamptz[]))
           WITH ORDINALITY AS change (kind, order_id, actor, reason, changed_at, ordinality)
""")


def _holders() -> Select[Any]:
    asked = (
        func.unnest(
            bindparam("coupon_ids", type_=ARRAY(BIGINT)),
            bindparam("user_ids", type_=ARRAY(BIGINT)),
        )
        .table_valued(column("coupon_id", BIGINT), column("user_id", BIGINT))
        .render_derived(name="asked")
    )
    held = and_(user_coupon.c.coupon_id == asked.c.coupon_id, user_coupon.c.user_id == asked.c.user_id)
    # The highest number and not a count: a user may stand in the requests several times.
    return (
        select(user_coupon.c.coupon_id, user_coupon.c.user_id, func.max(user_coupon.c.copy_number))
        .select_from(user_coupon.join(asked, held))
        .group_by(user_coupon.c.coupon_id, user_coupon.c.user_id)
    )


def _add_issued() -> Insert:
    rows = (
        func.unnest(
            bindparam("coupon_ids", type_=ARRAY(BIGINT)),
            bindparam("user_ids", type_=ARRAY(BIGINT)),
            cast(bindparam("request_ids", type_=TEXT), ARRAY(PG_UUID())),
            bindparam("issue_numbers", type_=ARRAY(INTEGER)),
            bindparam("copy_numbers", type_=ARRAY(INTEGER)),
        )
        .table_valued(
            column("coupon_id", BIGINT),
            column("user_id", BIGINT),
            column("request_id", PG_UUID()),
            column("issue_number", INTEGER),
            column("copy_number", INTEGER),
            with_ordinality="place",
        )
        .render_derived(name="issued")
    )
    columns = user_coupon.c
    at = bindparam("issued_at", type_=columns.issued_at.type)
    new = {
        columns.coupon_id: rows.c.coupon_id,
        columns.user_id: rows.c.user_id,
        columns.request_id: rows.c.request_id,
        columns.issue_number: rows.c.issue_number,
        columns.copy_number: rows.c.copy_number,
        columns.issued_at: at,
        # Without valid_for_hours this is NULL, which is never.
        columns.expires_at: at + func.make_interval(0, 0, 0, 0, coupon.c.valid_for_hours),
        columns.status: literal(UserCouponStatus.ISSUED.value),
        columns.change_count: literal(0),
    }
    source = (
        select(*new.values())
        .select_from(rows)
        .join(coupon, coupon.c.coupon_id == rows.c.coupon_id)
        .order_by(rows.c.place)
    )
    return insert(user_coupon).from_select(list(new), source)


# Once: putting them together costs more than running them.
_HOLDERS = _holders()
_ADD_ISSUED = _add_issued()


class SqlUserCoupons:
    """The user coupons on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def holders(self, requests: Sequence[CouponRequest]) -> Mapping[int, Mapping[int, int]]:
        values = {
            "coupon_ids": [request.coupon_id for request in requests],
            "user_ids": [request.user_id for request in requests],
        }
        holders: defaultdict[int, dict[int, int]] = defaultdict(dict)
        for coupon_id, user_id, copies in self._connection.execute(_HOLDERS, values):
            holders[coupon_id][user_id] = copies
        return holders

    def add_issued(self, decisions: Sequence[Decision], issued_at: datetime) -> None:
        issued = [decision for decision in decisions if decision.issue_number is not None]
        if not issued:
            return
        values = {
            "coupon_ids": [decision.request.coupon_id for decision in issued],
            "user_ids": [decision.request.user_id for decision in issued],
            "request_ids": hex_array(decision.request.request_id for decision in issued),
            "issue_numbers": [decision.issue_number for decision in issued],
            "copy_numbers": [decision.copy_number for decision in issued],
            "issued_at": issued_at,
        }
        # The constraints and the trigger are the last guard: one row a copy, no copy beyond the limit.
        self._connection.execute(_ADD_ISSUED, values)

    def of_user(self, user_id: int, limit: int, before: int | None) -> list[UserCoupon]:
        statement = (
            _user_coupons()
            .where(user_coupon.c.user_id == user_id)
            .order_by(user_coupon.c.user_coupon_id.desc())
            .limit(limit)
        )
        # By id and not by time: two coupons issued in one batch have the same time.
        if before is not None:
            statement = statement.where(user_coupon.c.user_coupon_id < before)
        return [_user_coupon(row) for row in self._connection.execute(statement)]

    def get(self, user_coupon_id: int) -> UserCoupon | None:
        statement = _user_coupons().where(user_coupon.c.user_coupon_id == user_coupon_id)
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _user_coupon(row)

    def get_for_order(
        self, user_coupon_id: int, order_id: UUID | None
    ) -> tuple[UserCoupon, UserCouponChangeKind | None] | None:
        values = {"held": user_coupon_id, "by": order_id}
        row = self._connection.execute(_FOR_ORDER, values).one_or_none()
        if row is None:
            return None
        return _user_coupon(row), row.last_change and UserCouponChangeKind(row.last_change)

    def change(
        self,
        judged: UserCoupon,
        after: UserCouponState,
        changes: Sequence[UserCouponChange],
        valid_until: datetime | None,
    ) -> bool:
        reservation = after.reservation
        values = {
            "user_coupon_id": judged.user_coupon_id,
            "judged_count": judged.state.change_count,
            "valid_until": valid_until,
            "status": after.status.value,
            "change_count": after.change_count,
            "order_id": reservation and str(reservation.order_id),
            "order_amount": reservation and reservation.order_amount,
            "discount_amount": reservation and reservation.discount_amount,
            "reserved_until": reservation and reservation.reserved_until,
            "kinds": [change.kind.value for change in changes],
            "order_ids": [change.order_id and str(change.order_id) for change in changes],
            "actors": [change.actor for change in changes],
            "reasons": [change.reason for change in changes],
            "times": [change.changed_at for change in changes],
        }
        return self._connection.execute(_CHANGE, values).rowcount == len(changes)

    def changes(
        self, user_coupon_id: int, limit: int, before: int | None
    ) -> list[tuple[int, UserCouponChange]]:
        statement = (
            select(user_coupon_change)
            .where(user_coupon_change.c.user_coupon_id == user_coupon_id)
            .order_by(user_coupon_change.c.change_number.desc())
            .limit(limit)
        )
        if before is not None:
            statement = statement.where(user_coupon_change.c.change_number < before)
        return [(row.change_number, _change(row)) for row in self._connection.execute(statement)]


def _user_coupons() -> Select[Any]:
    return select(
        user_coupon,
        coupon.c.name,
        coupon.c.discount_type,
        coupon.c.discount_value,
        coupon.c.discount_maximum_amount,
        coupon.c.minimum_order_amount,
    ).join_from(user_coupon, coupon, user_coupon.c.coupon_id == coupon.c.coupon_id)


def _for_order() -> Select[Any]:
    """A user coupon with its last change by an order. Of two statements, the second could see a later one."""
    last_change = (
        select(user_coupon_change.c.kind)
        .where(
            user_coupon_change.c.user_coupon_id == user_coupon.c.user_coupon_id,
            user_coupon_change.c.order_id == bindparam("by"),
        )
        .order_by(user_coupon_change.c.change_number.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = _user_coupons().add_columns(last_change.label("last_change"))
    return statement.where(user_coupon.c.user_coupon_id == bindparam("held"))


_FOR_ORDER = _for_order()


def _user_coupon(row: Row[Any]) -> UserCoupon:
    return UserCoupon(
        user_coupon_id=row.user_coupon_id,
        coupon_id=row.coupon_id,
        user_id=row.user_id,
        name=row.name,
        discount=discount_in(row),
        minimum_order_amount=row.minimum_order_amount,
        request_id=row.request_id,
        issue_number=row.issue_number,
        issued_at=row.issued_at,
        state=_state(row),
    )


def _state(row: Row[Any]) -> UserCouponState:
    reservation = (
        None
        if row.order_id is None
        else Reservation(row.order_id, row.order_amount, row.discount_amount, row.reserved_until)
    )
    return UserCouponState(UserCouponStatus(row.status), row.expires_at, reservation, row.change_count)


def _change(row: Row[Any]) -> UserCouponChange:
    return UserCouponChange(
        UserCouponChangeKind(row.kind), row.changed_at, row.actor, row.reason, row.order_id
    )
