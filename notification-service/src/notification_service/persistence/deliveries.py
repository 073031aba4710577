"""Deliveries: stored, read and, where no claim is needed, completed."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Row,
    Text,
    Uuid,
    and_,
    any_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    update,
)

from notification_service.domain.delivery import Delivery, DeliveryStatus, Effect, Intervention
from notification_service.domain.delivery_selection import DeliverySelection
from notification_service.domain.failure_reason import FailureReason, stored_reason
from notification_service.domain.notification_figures import DeliveryFigures
from notification_service.domain.order_event import OrderEvent
from notification_service.persistence.delivery_figures import SqlDeliveryFigures
from notification_service.persistence.tables import completed_order, delivery
from servicekit.db.arrays import hex_array
from servicekit.db.row_sets import insert_rows
from servicekit.identifiers import uuid7


class SqlDeliveries:
    """The deliveries on a connection whose transaction belongs to the caller. Times are the server's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_for_all(
        self,
        orders: Sequence[OrderEvent],
        effects: Collection[Effect],
        template_of: Callable[[OrderEvent], str | None],
    ) -> None:
        insert_rows(
            self._connection,
            delivery,
            [
                {
                    "delivery_id": uuid7(),
                    "event_id": order.event_id,
                    "order_id": order.order_id,
                    "effect": effect.value,
                    "status": DeliveryStatus.PENDING.value,
                    "attempts": 0,
                    "template": template_of(order) if effect is Effect.ALIMTALK else None,
                }
                for order in orders
                for effect in sorted(effects)
            ],
        )

    def of_order(self, order_id: UUID) -> list[Delivery]:
        # Identifiers are UUIDv7: they sort by time.
        rows = self._connection.execute(
            select(delivery)
            .where(delivery.c.order_id == order_id)
            .order_by(delivery.c.event_id, delivery.c.effect)
        )
        return [_delivery_of(row) for row in rows]

    def get(self, delivery_id: UUID) -> Delivery | None:
        row = self._connection.execute(
            select(delivery).where(delivery.c.delivery_id == delivery_id)
        ).one_or_none()
        return None if row is None else _delivery_of(row)

    def lock(self, delivery_id: UUID) -> Delivery | None:
        row = self._connection.execute(
            select(delivery).where(delivery.c.delivery_id == delivery_id).with_for_update()
        ).one_or_none()
        return None if row is None else _delivery_of(row)

    def lock_selected(self, selection: DeliverySelection, *, limit: int) -> list[UUID]:
        rows = self._connection.execute(
            select(delivery.c.delivery_id)
            .where(*_conditions(selection))
            # In this order, as results are recorded, so that neither waits for the other.
            .order_by(delivery.c.delivery_id)
            .limit(limit)
            .with_for_update()
        )
        return list(rows.scalars())

    def find(self, selection: DeliverySelection, *, limit: int, after: UUID | None) -> list[Delivery]:
        statement = select(delivery).where(*_conditions(selection))
        if after is not None:
            statement = statement.where(delivery.c.delivery_id > after)
        rows = self._connection.execute(statement.order_by(delivery.c.delivery_id).limit(limit))
        return [_delivery_of(row) for row in rows]

    def count(self, selection: DeliverySelection) -> int:
        statement = select(func.count()).select_from(delivery).where(*_conditions(selection))
        return self._connection.execute(statement).scalar_one()

    def retry(
        self,
        selection: DeliverySelection,
        *,
        by: str,
        reason: str,
        at: datetime | None = None,
        used_providers: Collection[str] = (),
    ) -> int:
        has_failed = delivery.c.status == DeliveryStatus.FAILED.value
        is_free = or_(has_failed, _is_at_removed_provider(used_providers))
        now = at or func.clock_timestamp()
        retried = self._connection.execute(
            update(delivery)
            .where(*_conditions(replace(selection, sendable_only=True)))
            .values(
                status=DeliveryStatus.PENDING.value,
                due_at=now,
                completed_at=None,
                # The attempts still count: the next one asks the receiver before it sends.
                first_attempted_at=None,
                # What finally failed is no longer the message that counts, and a look-up tells it apart.
                failed_message_id=case(
                    (has_failed, func.coalesce(delivery.c.reference, delivery.c.failed_message_id)),
                    else_=delivery.c.failed_message_id,
                ),
                reference=case((is_free, null()), else_=delivery.c.reference),
                accepted_at=None,
                # What has failed surely did not arrive, so that any provider may send it. What a removed
                # provider may have, nobody can ask for: the operator has decided.
                possibly_sent_at=case(
                    (is_free, null()),
                    else_=func.coalesce(delivery.c.possibly_sent_at, delivery.c.accepted_at),
                ),
                result_questions=0,
                result_code=None,
                by_sms=None,
                retried_at=now,
                retried_by=by,
                retry_reason=reason,
                # What ends it next is not that operator.
                given_up_by=None,
                give_up_reason=None,
            )
        )
        return retried.rowcount

    def at_removed_providers(
        self, selection: DeliverySelection, used_providers: Collection[str]
    ) -> dict[str, int]:
        rows = self._connection.execute(
            select(delivery.c.provider, func.count().label("number"))
            .where(*_conditions(selection), _is_at_removed_provider(used_providers))
            .group_by(delivery.c.provider)
        )
        return {row.provider: row.number for row in rows}

    def give_up(
        self, selection: DeliverySelection, *, by: str, reason: str, at: datetime | None = None
    ) -> int:
        given_up = self._connection.execute(
            update(delivery)
            .where(*_conditions(selection))
            .values(
                status=DeliveryStatus.GIVEN_UP.value,
                due_at=None,
                completed_at=at or func.clock_timestamp(),
                given_up_by=by,
                give_up_reason=reason,
            )
        )
        return given_up.rowcount

    def figures(self) -> DeliveryFigures:
        return SqlDeliveryFigures(self._connection).count()

    def lock_due(self, effect: Effect, limit: int, among: Collection[UUID] = ()) -> list[tuple[UUID, UUID]]:
        chosen = [delivery.c.delivery_id.in_(list(among))] if among else []
        rows = self._connection.execute(
            select(delivery.c.delivery_id, delivery.c.event_id)
            .where(
                delivery.c.effect == effect.value, delivery.c.due_at <= func.statement_timestamp(), *chosen
            )
            .order_by(delivery.c.due_at)
            .limit(limit)
            # Processes share the work: what one has locked, the others skip.
            .with_for_update(skip_locked=True)
        )
        return [(row.delivery_id, row.event_id) for row in rows]

    def postpone(self, delivery_ids: Iterable[UUID], pause_seconds: float) -> None:
        now = func.clock_timestamp()
        self._connection.execute(
            update(delivery)
            .where(
                delivery.c.delivery_id.in_(list(delivery_ids)),
                # Not what another process has counted meanwhile.
                delivery.c.due_at <= func.statement_timestamp(),
            )
            .values(
                due_at=now + timedelta(seconds=pause_seconds),
                # By which it becomes overdue.
                first_attempted_at=func.coalesce(delivery.c.first_attempted_at, now),
            )
        )

    def complete(self, delivery_ids: Iterable[UUID]) -> None:
        self._connection.execute(
            update(delivery)
            .where(delivery.c.delivery_id.in_(list(delivery_ids)))
            .values(
                status=DeliveryStatus.DELIVERED.value,
                attempts=delivery.c.attempts + 1,
                due_at=None,
                completed_at=func.clock_timestamp(),
            )
        )


def _conditions(selection: DeliverySelection) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        delivery.c.status.in_(sorted(status.value for status in selection.statuses))
    ]
    if selection.statuses <= {DeliveryStatus.PENDING, DeliveryStatus.SENDING}:
        # All of these have it, and only they and few others: the index of what is due has no old deliveries.
        conditions.append(delivery.c.due_at.is_not(None))
    if selection.waiting_only:
        is_unknown = delivery.c.status == DeliveryStatus.UNKNOWN.value
        conditions.append(or_(not_(is_unknown), delivery.c.due_at.is_(None)))
    if selection.delivery_ids:
        # One parameter, however many there are.
        ids = cast(literal(hex_array(selection.delivery_ids), Text), ARRAY(Uuid))
        conditions.append(delivery.c.delivery_id == any_(ids))
    if selection.effect is not None:
        conditions.append(delivery.c.effect == selection.effect.value)
    if selection.last_error is not None:
        conditions.append(_has_error(selection.last_error))
    if selection.sendable_only:
        has_recipient = exists().where(
            completed_order.c.event_id == delivery.c.event_id, completed_order.c.recipient_phone.is_not(None)
        )
        conditions.append(or_(delivery.c.effect != Effect.ALIMTALK.value, has_recipient))
    return conditions


def _is_at_removed_provider(used_providers: Collection[str]) -> ColumnElement[bool]:
    """Whether a provider may have it that isn't one of these; false without any."""
    if not used_providers:
        return false()
    return and_(
        delivery.c.effect == Effect.ALIMTALK.value,
        delivery.c.status != DeliveryStatus.FAILED.value,
        delivery.c.provider.not_in(sorted(used_providers)),
        or_(delivery.c.possibly_sent_at.is_not(None), delivery.c.reference.is_not(None)),
    )


def _has_error(reason: FailureReason) -> ColumnElement[bool]:
    if reason is FailureReason.OTHER:
        known = [each.value for each in FailureReason if each is not FailureReason.OTHER]
        return and_(delivery.c.last_error.is_not(None), delivery.c.last_error.not_in(known))
    return delivery.c.last_error == reason.value


def _delivery_of(row: Row[Any]) -> Delivery:
    return Delivery(
        delivery_id=row.delivery_id,
        event_id=row.event_id,
        order_id=row.order_id,
        effect=Effect(row.effect),
        status=DeliveryStatus(row.status),
        attempts=row.attempts,
        due_at=row.due_at,
        last_error=stored_reason(row.last_error),
        created_at=row.created_at,
        completed_at=row.completed_at,
        accepted_at=row.accepted_at,
        result_code=row.result_code,
        by_sms=row.by_sms,
        retried=_intervention(row.retried_by, row.retry_reason, row.retried_at),
        given_up=_intervention(row.given_up_by, row.give_up_reason, row.completed_at)
        if row.status == DeliveryStatus.GIVEN_UP.value
        else None,
    )


def _intervention(by: str | None, reason: str | None, at: datetime | None) -> Intervention | None:
    return Intervention(by, reason or "", at) if by is not None and at is not None else None
