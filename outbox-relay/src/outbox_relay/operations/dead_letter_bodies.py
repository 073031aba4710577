"""The bodies of operations on dead letters."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from outbox_relay.postgresql.dead_letter_operations import Selection
from servicekit.fields import RequestModel, Storable

# Topic and key have no limit here: an event that Kafka refuses for their length must be selectable, too.
_Topic = Annotated[str, StringConstraints(strict=True, min_length=1), Storable]
_Key = Annotated[str, StringConstraints(strict=True), Storable]
_Kind = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1_000), Storable]

Operator = Annotated[
    str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=200), Storable
]
Reason = Annotated[
    str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=1_000), Storable
]


class ActionBody(RequestModel):
    """The operator and the reason, which are kept with the dead letters and logged."""

    by: Operator
    reason: Reason


class DiscardBody(ActionBody):
    """With ``replayRest``, the other parked events of the key are replayed."""

    replay_rest: Annotated[bool, Field(strict=True)] = False


class SelectionBody(ActionBody):
    """All of one key (``topic`` and ``key``), or ``"all": true``, which ``topic`` and ``kind`` may narrow."""

    topic: _Topic | None = None
    key: _Key | None = None
    kind: _Kind | None = None
    all: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        of_a_key = self.topic is not None and self.key is not None
        if of_a_key == self.all or (self.all and self.key is not None):
            raise ValueError("must hold either topic and key, or all (true) without a key")
        return self

    def selection(self) -> Selection:
        return Selection(topic=self.topic, key=self.key, kind=self.kind)


class SelectionDiscardBody(SelectionBody, DiscardBody):
    """With ``replayRest``, the other parked events of the same keys are replayed."""
