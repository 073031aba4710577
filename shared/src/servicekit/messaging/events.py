"""Reading an event from a record: a consumer declares the fields that it needs, and no others."""

from typing import Any, ClassVar, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from servicekit import strict_json
from servicekit.event_type import EventType
from servicekit.fields import Time
from servicekit.messaging.records import InvalidMessage, ReceivedRecord

MAX_REASON_LENGTH = 1_000


class EventModel(BaseModel):
    """What every event's value holds. A consumer derives a model of the fields that it reads.

    Unknown fields are ignored (a producer may add some), missing and malformed ones are not. The class says
    which event it reads::

        class OrderCompleted(EventModel):
            event_type = EventType("order-completed", "OrderCompleted", version=1)
            order_id: UUID
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True, allow_inf_nan=False
    )
    event_type: ClassVar[EventType]

    event_id: UUID
    occurred_at: Time


EventT = TypeVar("EventT", bound=EventModel)


def parse_event(record: ReceivedRecord, model: type[EventT]) -> EventT:
    """The event in ``record``. Raises :class:`InvalidMessage` that says what is wrong with it.

    The key must be there, since it is what keeps order; key and value are UTF-8, the value a JSON object of
    the model's type and version.
    """
    if record.key is None:
        raise InvalidMessage("the key is null")
    if record.value is None:
        raise InvalidMessage("the value is null")
    try:
        record.key.decode()
        value = strict_json.loads(record.value.decode())
    except UnicodeDecodeError as error:
        raise InvalidMessage(f"not UTF-8: {error}") from None
    except ValueError as error:
        raise InvalidMessage(f"the value is not JSON: {error}"[:MAX_REASON_LENGTH]) from None
    if not isinstance(value, dict):
        raise InvalidMessage("the value is not a JSON object")
    _check_kind(value, model)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = (
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False, include_context=False)
        )
        raise InvalidMessage(f"breaks its schema: {'; '.join(faults)}"[:MAX_REASON_LENGTH]) from None


def _check_kind(value: dict[str, Any], model: type[EventModel]) -> None:
    event_type, version = value.get("eventType"), value.get("version")
    if event_type != model.event_type.name:
        raise InvalidMessage(f"unknown eventType {event_type!r}"[:MAX_REASON_LENGTH])
    if isinstance(version, bool) or version != model.event_type.version:
        raise InvalidMessage(f"unknown version {version!r} of {model.event_type.name}"[:MAX_REASON_LENGTH])
