"""How messages are named to NHN, and by it.

A request with one message is the message's: its id is the request's, as in former releases. A request with
several says so in the sender's grouping key, and the id of each has all three: request, recipient's number,
group. So a webhook shows which id was stored, an id shows which list has its result, and a former release,
which knows no numbers, takes no result for another message's.
"""

from typing import NamedTuple, Self

# Of a reference, which begins with its time: events of the same quarter of a second have it in common.
_GROUP_CHARACTERS = 11
_BATCH = "batch-"
_SEPARATOR = "/"


def group_of(reference: str) -> str:
    """The sender's grouping key of a message: a list of such a group has the results of many messages."""
    return reference[:_GROUP_CHARACTERS]


def batch_group(first_reference: str) -> str:
    """The sender's grouping key of a request with several messages: of batches of the same time."""
    return f"{_BATCH}{group_of(first_reference)}"


class PlaceInBatch(NamedTuple):
    """Where a message was sent beside others; recipients are numbered from 1."""

    request_id: str
    number: object
    group: str

    @classmethod
    def reported(cls, request_id: str, number: object, group: object) -> Self | None:
        """From what NHN reports of a message; None if it was sent alone."""
        if not (isinstance(group, str) and group.startswith(_BATCH)):
            return None
        return cls(request_id, number, group)

    @classmethod
    def of(cls, message_id: str) -> Self | None:
        """From the id; None if it is the request's."""
        request_id, *rest = message_id.split(_SEPARATOR, 2)
        return cls(request_id, *rest) if len(rest) == len(cls._fields) - 1 else None

    @property
    def message_id(self) -> str:
        return _SEPARATOR.join(map(str, self))
