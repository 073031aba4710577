"""Payments that a webhook named: each is claimed by moving the time at which its look-up is due."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from order_service.application.ports import SETTLED_LOOK_UP_INTERVAL, ClaimedHint
from order_service.domain.payment import PaymentStatus
from order_service.domain.payment_hint import ASKED_ABOUT, PaymentHint, ReportedChange
from order_service.persistence.payments import FORMER_GATEWAY, IS_ALL_RETURNED, IS_GONE, payment_of
from order_service.persistence.tables import payment as payments
from order_service.persistence.tables import payment_hint as hints
from order_service.persistence.unsettled_payments import IS_UNSETTLED, belongs_to, may_be_looked_up

# The gateway sends again what isn't answered within some seconds, and a queue of slow answers helps nobody.
_WITHIN = text("SET LOCAL statement_timeout = '1s'")
# A webhook usually overtakes the answer to the request that it is about.
_ANSWER_ARRIVES_WITHIN = timedelta(seconds=2)
_NOW = func.clock_timestamp()
_IS_OF_SETTLED = (
    select(payments.c.payment_id)
    .where(payments.c.payment_id == hints.c.payment_id, ~IS_UNSETTLED)
    .correlate(hints)
    .exists()
)
_gateway = func.coalesce(payments.c.gateway, FORMER_GATEWAY)


class SqlPaymentHints:
    """The hints on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note(self, gateway: str, hint: PaymentHint) -> int:
        self._connection.execute(_WITHIN)
        is_paid = hint.change is ReportedChange.PAID
        is_returned = hint.change is ReportedChange.RETURNED
        is_sent = payments.c.status == PaymentStatus.REQUESTED.value
        named = (
            select(
                payments.c.payment_id,
                literal(is_paid),
                literal(is_returned),
                _NOW,
                case((is_sent, _NOW + _ANSWER_ARRIVES_WITHIN), else_=_NOW),
                literal(0),
                literal(0),
            )
            .where(
                payments.c.order_id == hint.order_id,
                _gateway == gateway,
                payments.c.payment_key.startswith(hint.key_begins, autoescape=True),
                _says_something_new(literal(is_paid), literal(is_returned)),
            )
            # In one order, so that two webhooks of an order don't wait for each other.
            .order_by(payments.c.payment_id)
        )
        new = insert(hints).from_select([column.name for column in hints.columns], named)
        noted = self._connection.execute(
            new.on_conflict_do_update(
                index_elements=[hints.c.payment_id],
                set_={
                    "is_paid": or_(hints.c.is_paid, new.excluded.is_paid),
                    "is_returned": or_(hints.c.is_returned, new.excluded.is_returned),
                    "hinted_at": new.excluded.hinted_at,
                    "due_at": func.least(hints.c.due_at, new.excluded.due_at),
                    # Such as of a declined payment, about which one more question was left.
                    "lookup_count": case(
                        (and_(new.excluded.is_paid, _IS_OF_SETTLED), 0), else_=hints.c.lookup_count
                    ),
                },
            ).returning(hints.c.payment_id)
        )
        return len(noted.all())

    def claim(self, accounts: Mapping[str, str], lease: timedelta) -> ClaimedHint | None:
        row = self._connection.execute(
            select(
                payments,
                hints.c.lookup_count.label("hint_lookups"),
                hints.c.is_paid,
                hints.c.is_returned,
                _NOW.label("at"),
                IS_GONE.label("is_gone"),
            )
            .join(hints, hints.c.payment_id == payments.c.payment_id)
            .where(
                hints.c.due_at <= func.statement_timestamp(),
                _says_something_new(hints.c.is_paid, hints.c.is_returned),
                may_be_looked_up(),
                or_(IS_UNSETTLED, _was_left_alone()),
                belongs_to(accounts),
            )
            # Those of settled payments can wait, and anyone can cause them: of declined ones at no cost.
            .order_by(~IS_UNSETTLED, ~_is_approved(), hints.c.due_at)
            .limit(1)
            # Skipping, not waiting: another process has claimed the locked rows, or is settling them.
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if row is None:
            return None
        number = row.hint_lookups + 1
        self._connection.execute(
            update(payments).where(payments.c.payment_id == row.payment_id).values(looked_up_at=_NOW)
        )
        self._connection.execute(
            update(hints)
            .where(hints.c.payment_id == row.payment_id)
            .values(lookup_count=number, due_at=_NOW + lease)
        )
        return ClaimedHint(payment_of(row), number, row.at, row.is_paid, row.is_returned, row.is_gone)

    def postpone(self, claimed: ClaimedHint, pause: timedelta) -> None:
        self._connection.execute(update(hints).where(_is_before(claimed)).values(due_at=_NOW + pause))

    def count_contradiction(self, payment_id: UUID, change: ReportedChange, pause: timedelta) -> int:
        new = insert(hints).values(
            payment_id=payment_id,
            is_paid=change is ReportedChange.PAID,
            is_returned=change is ReportedChange.RETURNED,
            hinted_at=_NOW,
            due_at=_NOW + pause,
            lookup_count=0,
            contradictions=1,
        )
        # Neither `hinted_at` nor `due_at`: its claimer drops or postpones it.
        counted = new.on_conflict_do_update(
            index_elements=[hints.c.payment_id],
            set_={
                "is_paid": or_(hints.c.is_paid, new.excluded.is_paid),
                "is_returned": or_(hints.c.is_returned, new.excluded.is_returned),
                "contradictions": hints.c.contradictions + 1,
            },
        ).returning(hints.c.contradictions)
        number: int = self._connection.execute(counted).scalar_one()
        return number

    def forget_contradictions(self, payment_id: UUID) -> None:
        self._connection.execute(
            update(hints)
            .where(hints.c.payment_id == payment_id, hints.c.contradictions > 0)
            .values(contradictions=0)
        )

    def drop(self, claimed: ClaimedHint) -> None:
        self._connection.execute(delete(hints).where(_is_before(claimed)))

    def drop_known(self, limit: int) -> int:
        known = (
            select(hints.c.payment_id)
            .join(payments, payments.c.payment_id == hints.c.payment_id)
            .where(hints.c.due_at <= _NOW, ~_says_something_new(hints.c.is_paid, hints.c.is_returned))
            .limit(limit)
            .with_for_update(of=hints, skip_locked=True)
            # A subquery could be run more than once, and each time take others.
            .cte("known")
        )
        return self._connection.execute(
            delete(hints).where(hints.c.payment_id.in_(select(known.c.payment_id)))
        ).rowcount


def _says_something_new(
    is_paid: ColumnElement[bool], is_returned: ColumnElement[bool]
) -> ColumnElement[bool]:
    return or_(
        _has_status_of(ReportedChange.OTHER),
        and_(is_paid, or_(_has_status_of(ReportedChange.PAID), and_(IS_GONE, ~IS_ALL_RETURNED))),
        and_(
            is_returned,
            _has_status_of(ReportedChange.RETURNED),
            ~IS_GONE,
            ~IS_ALL_RETURNED,
        ),
    )


def _has_status_of(change: ReportedChange) -> ColumnElement[bool]:
    return payments.c.status.in_(sorted(status.value for status in ASKED_ABOUT[change]))


def _is_approved() -> ColumnElement[bool]:
    return payments.c.status == PaymentStatus.APPROVED.value


def _was_left_alone() -> ColumnElement[bool]:
    return func.coalesce(payments.c.looked_up_at <= _NOW - SETTLED_LOOK_UP_INTERVAL, true())


def _is_before(claimed: ClaimedHint) -> ColumnElement[bool]:
    return and_(hints.c.payment_id == claimed.payment.payment_id, hints.c.hinted_at <= claimed.at)
