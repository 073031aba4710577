"""The bodies of operations on dead letters."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from outbox_relay.postgresql.dead_letter_operations import Selection
from servicekit.fields import MAX_INT64, Operator, Reason, Storable
from servicekit.http.models import BodyModel, PathModel, QueryModel

# Topic and key have no limit here: an event that Kafka refuses for their length must be selectable, too.
_Topic = Annotated[str, StringConstraints(strict=True, min_length=1), Storable]
_Key = Annotated[str, StringConstraints(strict=True), Storable]
_Kind = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1_000), Storable]


_MAX_LIMIT = 1_000

StateFilter = Literal["OPEN", "PARKED", "REPLAYING", "REPLAYED", "DISCARDED", "ANY"]


class SourcePath(PathModel):
    """A source by its name in the environment."""

    source: str


class DeadLetterPath(SourcePath):
    """A dead letter by its event's id."""

    event_id: UUID


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class DeadLettersQuery(QueryModel):
    """Filters, and the position behind which the page begins."""

    state: Annotated[StateFilter, BeforeValidator(_upper)] = "OPEN"
    topic: Annotated[str, Storable] | None = None
    key: Annotated[str, Storable] | None = None
    limit: Annotated[int, Field(ge=1, le=_MAX_LIMIT)] = 100
    after: Annotated[int, Field(ge=0, le=MAX_INT64, description="Only those behind this position.")] = 0


class ActionBody(BodyModel):
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
