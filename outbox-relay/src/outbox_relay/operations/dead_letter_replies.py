"""Dead letters as JSON, alike over HTTP and on the command line."""

from collections.abc import Sequence
from typing import Self
from uuid import UUID

from pydantic import Field

from outbox_relay.kafka.record import record_headers
from outbox_relay.postgresql.dead_letter_operations import (
    SHOWN_EVENT_IDS,
    DeadLetter,
    DeadLetterState,
    Discarded,
    Replayed,
)
from outbox_relay.protocol.model import Event
from servicekit.fields import JsonModel, Time

_SHOWN = f"The first {SHOWN_EVENT_IDS} of them."


class _AttributesReply(JsonModel):
    """A reply whose fields are attributes of a result of :class:`DeadLetterOperations`."""

    @classmethod
    def of(cls, result: DeadLetter | Replayed | Discarded) -> Self:
        return cls.model_validate(result, from_attributes=True)


class DeadLetterReply(_AttributesReply):
    """An event that Kafka refuses, or (kind ``behind``) a later one of its key."""

    event_id: UUID
    position: int
    topic: str
    key: str
    event_type: str
    state: DeadLetterState
    kind: str
    reason: str
    attempts: int = Field(description="How often Kafka has refused it.")
    created_at: Time
    parked_at: Time
    changed_at: Time
    changed_by: str | None = Field(description="The operator of its latest replay or of its discarding.")
    change_reason: str | None


class DeadLettersReply(JsonModel):
    """A page of dead letters."""

    dead_letters: list[DeadLetterReply]
    next_after: int | None = Field(description="The parameter ``after`` of the next page; null on the last.")

    @classmethod
    def of(cls, letters: Sequence[DeadLetter], limit: int) -> Self:
        return cls(
            dead_letters=[DeadLetterReply.of(letter) for letter in letters],
            next_after=letters[-1].position if len(letters) == limit else None,
        )


class DeadLetterWithEventReply(DeadLetterReply):
    """A dead letter with the record that Kafka is to get."""

    headers: dict[str, str]
    payload: str = Field(description="The record's value as it is stored, byte for byte.")

    @classmethod
    def with_event(cls, letter: DeadLetter, event: Event) -> Self:
        headers = {name: value.decode() for name, value in record_headers(event)}
        return cls(**dict(DeadLetterReply.of(letter)), headers=headers, payload=event.payload)


class ReplayedReply(_AttributesReply):
    """The events that will be sent again, in the order of each key."""

    replaying: int
    event_ids: list[UUID] = Field(description=_SHOWN)


class DiscardedReply(_AttributesReply):
    """The events that were given up, and what became of the others of their keys."""

    discarded: int
    replaying: int
    still_parked: int
    event_ids: list[UUID] = Field(description=_SHOWN)
