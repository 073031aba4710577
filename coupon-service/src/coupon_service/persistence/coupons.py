"""Coupons and their stocks."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Update,
    and_,
    any_,
    bindparam,
    cast,
    func,
    insert,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, TEXT
from sqlalchemy.sql import column

from coupon_service.domain.coupon import Coupon, CouponTerms
from coupon_service.domain.coupon_change import CouponChange, CouponChangeKind, CouponCommand
from coupon_service.domain.coupon_request import Decision
from coupon_service.domain.deciding import CouponStock
from coupon_service.domain.discount import Discount, DiscountType
from coupon_service.domain.period import Pause, Period
from coupon_service.persistence.tables import coupon as coupons
from coupon_service.persistence.tables import coupon_change, coupon_pause

# Every term that is one value is kept in a column of its name, so that a new one needs no line in this file.
_SCALAR_TERMS = [field.name for field in fields(CouponTerms) if field.name not in {"period", "discount"}]


def _record_progress() -> Update:
    progress = (
        func.unnest(*(bindparam(name, type_=ARRAY(BIGINT)) for name in ("coupon_ids", "decided", "issued")))
        .table_valued(column("coupon_id", BIGINT), column("decided", BIGINT), column("issued", BIGINT))
        .render_derived(name="progress")
    )
    columns = coupons.c
    return (
        update(coupons)
        .where(columns.coupon_id == progress.c.coupon_id)
        .values(
            decided_count=columns.decided_count + progress.c.decided,
            issued_quantity=columns.issued_quantity + progress.c.issued,
        )
    )


# Once: putting it together costs more than running it.
_RECORD_PROGRESS = _record_progress()


class SqlCoupons:
    """The coupons on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, terms: CouponTerms) -> Coupon:
        row = self._connection.execute(
            insert(coupons)
            .values(
                **_term_columns(terms), issued_quantity=0, decided_count=0, created_at=func.clock_timestamp()
            )
            .returning(coupons.c.coupon_id, coupons.c.created_at)
        ).one()
        return Coupon(row.coupon_id, terms, issued_quantity=0, created_at=row.created_at)

    def get(self, coupon_id: int) -> Coupon | None:
        row = self._connection.execute(select(coupons).where(coupons.c.coupon_id == coupon_id)).one_or_none()
        return None if row is None else _coupon(row)

    def changed_since(self, versions: Mapping[int, str]) -> Mapping[int, tuple[str, Coupon]]:
        known = (
            func.unnest(literal(list(versions), ARRAY(BIGINT)), literal(list(versions.values()), ARRAY(TEXT)))
            .table_valued(column("coupon_id", BIGINT), column("version", TEXT))
            .render_derived(name="known")
        )
        # The transaction that wrote the row last: every change of any column has another.
        version = cast(literal_column("coupon.xmin"), TEXT)
        statement = select(coupons, version.label("version")).join(
            known, and_(coupons.c.coupon_id == known.c.coupon_id, version != known.c.version)
        )
        return {row.coupon_id: (row.version, _coupon(row)) for row in self._connection.execute(statement)}

    def lock_stocks(self, coupon_ids: Collection[int]) -> Mapping[int, CouponStock]:
        # Locked in order of id, so that two workers with several coupons in common never deadlock.
        statement = (
            select(coupons)
            .where(coupons.c.coupon_id == any_(literal(sorted(coupon_ids), ARRAY(BIGINT))))
            .order_by(coupons.c.coupon_id)
            .with_for_update()
        )
        rows = self._connection.execute(statement).all()
        # A coupon that was never resumed has no former pauses to look for.
        pauses = self._former_pauses([row.coupon_id for row in rows if row.resumed_at is not None])
        return {row.coupon_id: _stock(row, pauses[row.coupon_id]) for row in rows}

    def record_progress(self, decisions: Sequence[Decision]) -> None:
        progress: dict[int, tuple[int, int]] = {}
        for decision in decisions:
            if decision.decision_number is not None:
                coupon_id = decision.request.coupon_id
                decided, issued = progress.get(coupon_id, (0, 0))
                progress[coupon_id] = (decided + 1, issued + (decision.issue_number is not None))
        values = {
            "coupon_ids": list(progress),
            "decided": [decided for decided, _ in progress.values()],
            "issued": [issued for _, issued in progress.values()],
        }
        # The table's check refuses an oversold coupon, even if a decision were wrong.
        self._connection.execute(_RECORD_PROGRESS, values)

    def lock(self, coupon_id: int) -> Coupon | None:
        statement = select(coupons).where(coupons.c.coupon_id == coupon_id).with_for_update()
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _coupon(row)

    def change(self, before: Coupon, after: Coupon, command: CouponCommand, changed_at: datetime) -> None:
        # The table's trigger refuses what no command does, even if a command were wrong.
        self._connection.execute(
            update(coupons)
            .where(coupons.c.coupon_id == after.coupon_id)
            .values(
                total_quantity=after.terms.total_quantity,
                paused_at=after.paused_at,
                resumed_at=after.resumed_at,
                ended_at=after.ended_at,
            )
        )
        if before.paused_at is not None and after.paused_at is None:
            pause = {"paused_at": before.paused_at, "resumed_at": after.resumed_at}
            self._connection.execute(insert(coupon_pause).values(coupon_id=after.coupon_id, **pause))
        self._connection.execute(
            insert(coupon_change).values(
                coupon_id=after.coupon_id,
                kind=command.kind.value,
                quantity=command.quantity,
                actor=command.actor,
                reason=command.reason,
                changed_at=changed_at,
            )
        )

    def newest(self, limit: int, before: int | None) -> list[Coupon]:
        statement = select(coupons).order_by(coupons.c.coupon_id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(coupons.c.coupon_id < before)
        return [_coupon(row) for row in self._connection.execute(statement)]

    def changes(self, coupon_id: int, limit: int, before: int | None) -> list[CouponChange]:
        statement = (
            select(coupon_change)
            .where(coupon_change.c.coupon_id == coupon_id)
            .order_by(coupon_change.c.change_id.desc())
            .limit(limit)
        )
        if before is not None:
            statement = statement.where(coupon_change.c.change_id < before)
        return [_change(row) for row in self._connection.execute(statement)]

    def _former_pauses(self, coupon_ids: Collection[int]) -> Mapping[int, list[Pause]]:
        pauses: defaultdict[int, list[Pause]] = defaultdict(list)
        if coupon_ids:
            statement = select(coupon_pause).where(
                coupon_pause.c.coupon_id == any_(literal(list(coupon_ids), ARRAY(BIGINT)))
            )
            for row in self._connection.execute(statement):
                pauses[row.coupon_id].append(Pause(row.paused_at, row.resumed_at))
        return pauses


def discount_in(row: Row[Any]) -> Discount:
    """The discount in a row with a coupon's columns."""
    return Discount(DiscountType(row.discount_type), row.discount_value, row.discount_maximum_amount)


def _term_columns(terms: CouponTerms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in _SCALAR_TERMS} | {
        "starts_at": terms.period.starts_at,
        "ends_at": terms.period.ends_at,
        "discount_type": terms.discount.type.value,
        "discount_value": terms.discount.value,
        "discount_maximum_amount": terms.discount.maximum_amount,
    }


def _terms(row: Row[Any]) -> CouponTerms:
    scalars = {name: getattr(row, name) for name in _SCALAR_TERMS}
    return CouponTerms(**scalars, period=_period(row), discount=discount_in(row))


def _period(row: Row[Any]) -> Period:
    return Period(row.starts_at, row.ends_at)


def _coupon(row: Row[Any]) -> Coupon:
    return Coupon(
        row.coupon_id,
        _terms(row),
        row.issued_quantity,
        row.created_at,
        paused_at=row.paused_at,
        resumed_at=row.resumed_at,
        ended_at=row.ended_at,
    )


def _stock(row: Row[Any], former_pauses: Sequence[Pause]) -> CouponStock:
    present = [] if row.paused_at is None else [Pause(row.paused_at)]
    return CouponStock(
        row.coupon_id,
        _period(row),
        row.total_quantity,
        row.issued_quantity,
        row.decided_count,
        limit_per_user=row.limit_per_user,
        pauses=[*former_pauses, *present],
        ended_at=row.ended_at,
    )


def _change(row: Row[Any]) -> CouponChange:
    command = CouponCommand(CouponChangeKind(row.kind), row.actor, row.reason, row.quantity)
    return CouponChange(row.change_id, command, row.changed_at)
