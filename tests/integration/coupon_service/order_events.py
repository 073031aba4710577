"""Events about orders with coupons, and the worker's handlers of them."""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from coupon_service.application.restore_coupons import RestoreCoupons
from coupon_service.application.use_coupons import UseCoupons
from coupon_service.messaging import incoming_order_cancelled as cancelled
from coupon_service.messaging import incoming_order_completed as completed
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from devstack.repository import ROOT
from servicekit.identifiers import uuid7
from servicekit.messaging.handler import MessageHandler
from servicekit.messaging.records import ReceivedRecord
from tests.integration.coupon_service.service import rows

Record = tuple[bytes | None, bytes | None]
DISCOUNT = 5_000
_CONTRACTS = ROOT / "shared" / "contracts"


def an_example(topic: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((_CONTRACTS / topic / "v1.example.json").read_text())
    return event


def a_record(event: dict[str, Any]) -> Record:
    return event["orderId"].encode(), json.dumps(event).encode()


def order_completed(
    order_id: UUID, user_coupon_id: int | None, user_id: int = 7, discount: int = DISCOUNT, **changes: Any
) -> Record:
    """An order of 20,000, like those that ``lives.reserve`` reserves for."""
    event = an_example("order-completed") | {
        "eventId": str(uuid7()),
        "orderId": str(order_id),
        "userId": user_id,
        "totalAmount": 20_000 - discount,
    }
    if user_coupon_id is not None:
        event["coupon"] = {"userCouponId": user_coupon_id, "discountAmount": discount}
    return a_record(event | changes)


def order_cancelled(
    order_id: UUID, user_coupon_id: int | None, user_id: int = 7, *, is_whole: bool = True, **changes: Any
) -> Record:
    event = an_example("order-cancelled") | {
        "eventId": str(uuid7()),
        "orderId": str(order_id),
        "userId": user_id,
        "isWhole": is_whole,
    }
    if user_coupon_id is not None:
        event["coupon"] = {"userCouponId": user_coupon_id}
    return a_record(event | changes)


def completed_handler(engine: Engine) -> MessageHandler[Any]:
    unit_of_work = partial(CouponUnitOfWork, engine, completed.CONSUMER_GROUP)
    return completed.OrderCompletedHandler(UseCoupons(unit_of_work))


def cancelled_handler(engine: Engine) -> MessageHandler[Any]:
    unit_of_work = partial(CouponUnitOfWork, engine, cancelled.CONSUMER_GROUP)
    return cancelled.OrderCancelledHandler(RestoreCoupons(unit_of_work))


def apply(handler: MessageHandler[Any], records: Sequence[Record]) -> dict[int, str]:
    """As one poll; what is refused, by place."""
    received = [ReceivedRecord("topic", 0, offset, key, value) for offset, (key, value) in enumerate(records)]
    return dict(handler.handle([handler.parse(record) for record in received]) or {})


def complete(engine: Engine, *records: Record) -> dict[int, str]:
    return apply(completed_handler(engine), records)


def cancel(engine: Engine, *records: Record) -> dict[int, str]:
    return apply(cancelled_handler(engine), records)


def differences(engine: Engine) -> dict[UUID, str]:
    """The reasons of those that are open, by order."""
    statement = "SELECT order_id, reason FROM order_difference WHERE settled_at IS NULL"
    return {row.order_id: row.reason for row in rows(engine, statement)}
