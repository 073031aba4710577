"""Coupons and their stocks."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    and_,
    any_,
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
from coupon_service.domain.coupon_request import Decision
from coupon_service.domain.deciding import CouponStock
from coupon_service.domain.discount import Discount, DiscountType
from coupon_service.domain.period import Period
from coupon_service.persistence.tables import coupon as coupons

# Every term that is one value is kept in a column of its name, so that a new one needs no line in this file.
_SCALAR_TERMS = [field.name for field in fields(CouponTerms) if field.name not in {"period", "discount"}]


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
        return {row.coupon_id: _stock(row) for row in self._connection.execute(statement)}

    def record_progress(self, decisions: Sequence[Decision]) -> None:
        progress: dict[int, tuple[int, int]] = {}
        for decision in decisions:
            if decision.decision_number is not None:
                coupon_id = decision.request.coupon_id
                decided, issued = progress.get(coupon_id, (0, 0))
                progress[coupon_id] = (decided + 1, issued + (decision.issue_number is not None))
        # The table's check refuses an oversold coupon, even if a decision were wrong.
        for coupon_id, (decided, issued) in sorted(progress.items()):
            self._connection.execute(
                update(coupons)
                .where(coupons.c.coupon_id == coupon_id)
                .values(
                    decided_count=coupons.c.decided_count + decided,
                    issued_quantity=coupons.c.issued_quantity + issued,
                )
            )


def discount_in(row: Row[Any]) -> Discount:
    """The discount in a row with a coupon's columns."""
    return Discount(DiscountType(row.discount_type), row.discount_value)


def _term_columns(terms: CouponTerms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in _SCALAR_TERMS} | {
        "starts_at": terms.period.starts_at,
        "ends_at": terms.period.ends_at,
        "discount_type": terms.discount.type.value,
        "discount_value": terms.discount.value,
    }


def _terms(row: Row[Any]) -> CouponTerms:
    scalars = {name: getattr(row, name) for name in _SCALAR_TERMS}
    return CouponTerms(**scalars, period=_period(row), discount=discount_in(row))


def _period(row: Row[Any]) -> Period:
    return Period(row.starts_at, row.ends_at)


def _coupon(row: Row[Any]) -> Coupon:
    return Coupon(row.coupon_id, _terms(row), row.issued_quantity, row.created_at)


def _stock(row: Row[Any]) -> CouponStock:
    return CouponStock(
        row.coupon_id, _period(row), row.total_quantity, row.issued_quantity, row.decided_count
    )
