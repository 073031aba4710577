"""What is asked of dead letters over HTTP: who wants it, why, and of which."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from outbox_relay.postgresql.dead_letters import Selection
from servicekit.fields import RequestModel, Storable

# Topic and key are as long as somebody made them: what Kafka refuses for that must be named, too.
_Topic = Annotated[str, StringConstraints(strict=True, min_length=1), Storable]
_Key = Annotated[str, StringConstraints(strict=True), Storable]
_Kind = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1_000), Storable]

Who = Annotated[
    str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=200), Storable
]
Why = Annotated[
    str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=1_000), Storable
]


class ActionBody(RequestModel):
    """Who wants it, and why: both are kept with the dead letters and in the log."""

    by: Who
    reason: Why


class DiscardBody(ActionBody):
    """The same, and whether the other parked events of the key are to be replayed."""

    replay_rest: Annotated[bool, Field(strict=True)] = False


class SelectionBody(ActionBody):
    """All of one key (``topic`` and ``key``), or ``"all": true``, which topic and kind may narrow."""

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
    """What to discard, and whether the other parked events of the same keys are to be replayed."""
