"""How messages are named to NHN, and by it.

A request with one message is the message's: its id is the request's, as in former releases. A request with
several says so in the sender's grouping key, and adds the recipient's number to the id. So a webhook shows
which id was stored, and a former release, which knows no numbers, takes none of them for another's.
"""

# Of a reference, which begins with its time: events of the same quarter of a second have it in common.
_GROUP_CHARACTERS = 11
_BATCH = "batch-"
_SEPARATOR = "/"


def group_of(reference: str) -> str:
    """The sender's grouping key of a message: a list of such a group has the results of many messages."""
    return reference[:_GROUP_CHARACTERS]


def batch_group(first_reference: str) -> str:
    """The sender's grouping key of a request with several messages."""
    return f"{_BATCH}{first_reference}"


def is_batch_group(grouping_key: object) -> bool:
    """Whether the sender's grouping key is that of several messages in a request."""
    return isinstance(grouping_key, str) and grouping_key.startswith(_BATCH)


def id_in_batch(request_id: str, recipient_number: object) -> str:
    """The id of one of several messages in a request; recipients are numbered from 1."""
    return f"{request_id}{_SEPARATOR}{recipient_number}"


def batch_of(message_id: str) -> str | None:
    """The request that sent this message beside others; None if it sent this one alone."""
    request_id, separator, _ = message_id.rpartition(_SEPARATOR)
    return request_id if separator else None
