"""An event of the tests' own, as a later release may add one: its contract, its model, its template."""

from pathlib import Path
from shutil import copytree
from typing import Annotated, Any
from uuid import UUID

from jsonschema import Draft202012Validator
from pydantic import StringConstraints

from notification_service.domain.alimtalk_message import MessageKind
from notification_service.domain.delivery import Effect
from notification_service.domain.order_event import OrderEvent, Recipient
from notification_service.messaging.event_handling import IncomingEvent
from notification_service.messaging.order_parts import RecipientPart
from notification_service.subscriptions import Subscription
from notification_service.template_files import FOLDER
from servicekit.event_type import EventType
from servicekit.fields import PositiveInt64
from servicekit.identifiers import uuid7

_TEXT = {"type": "string", "minLength": 1, "maxLength": 30}
CONTRACT = Draft202012Validator(
    {
        "type": "object",
        "required": ["eventId", "eventType", "version", "occurredAt", "orderId", "parcelNumber"],
        "properties": {
            "eventType": {"const": "ParcelShipped"},
            "version": {"const": 1},
            "orderId": {"type": "string", "format": "uuid"},
            "parcelNumber": _TEXT,
            "recipient": {"type": "object", "required": ["name", "phone"]},
        },
    }
)
TEMPLATE = """
code = "PARCEL_SHIPPED"
content = "#{name}님, 주문 #{orderId}의 상품을 보냈습니다. 운송장: #{parcelNumber}"

[variables]
name = 100
orderId = 36
parcelNumber = 30
"""


class ParcelShipped(IncomingEvent):
    """The value of the event, as its consumer reads it."""

    event_type = EventType(topic="parcel-shipped", name="ParcelShipped", version=1)

    order_id: UUID
    user_id: PositiveInt64
    parcel_number: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=30)]
    recipient: RecipientPart

    def to_domain(self) -> OrderEvent:
        return OrderEvent(
            event_id=self.event_id,
            order_id=self.order_id,
            user_id=self.user_id,
            currency="KRW",
            total_amount=0,
            item_count=0,
            recipient=Recipient(self.recipient.name, self.recipient.phone),
            completed_at=self.occurred_at,
            message_values={"parcelNumber": self.parcel_number},
        )


PARCEL_SHIPPED = Subscription(
    ParcelShipped,
    "parcel-consumer-group",
    frozenset({Effect.ALIMTALK, Effect.MONITORING}),
    (MessageKind("parcel_shipped", frozenset({"parcelNumber"})),),
)


def a_parcel_shipped(**changes: Any) -> dict[str, Any]:
    """The value of an event that keeps to the contract."""
    event = {
        "eventId": str(uuid7()),
        "eventType": "ParcelShipped",
        "version": 1,
        "occurredAt": "2026-11-23T03:00:00Z",
        "orderId": str(uuid7()),
        "userId": 7,
        "parcelNumber": "6890-1234",
        "recipient": {"name": "김하늘", "phone": "010-1234-5678"},
        **changes,
    }
    CONTRACT.validate(event)
    return event


def templates_with_parcels(folder: Path) -> Path:
    """The shipped templates, and the event's own."""
    copytree(FOLDER, folder)
    (folder / "parcel_shipped.ko.v1.toml").write_text(TEMPLATE)
    (folder / "parcel_shipped.en.v1.toml").write_text(TEMPLATE.replace("PARCEL_SHIPPED", "PARCEL_SHIPPED_EN"))
    return folder
