"""What a provider's reply says of each message that was sent in one call."""

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

import httpx

from notification_service.alimtalk.replies import malformed
from notification_service.application.ports import Sent
from notification_service.domain.errors import DeliveryFailed

_KeyT = TypeVar("_KeyT", bound=Hashable)


def sent_by_key(
    keys: Sequence[_KeyT], results: Iterable[tuple[_KeyT, Sent]], response: httpx.Response
) -> Sequence[Sent]:
    """The result of each key, in their order, whatever the order in ``response``.

    A key that isn't named exactly once gets OutcomeUnknown: its message may have been sent.
    """
    named: dict[_KeyT, list[Sent]] = {key: [] for key in keys}
    for key, sent in results:
        if key in named:
            named[key].append(sent)
    unknown = malformed(response)
    return [found[0] if len(found) == 1 else unknown for found in named.values()]


def only(sent: Sequence[Sent]) -> str:
    """The id of a message that was sent alone. Raises what became of it instead."""
    [one] = sent
    if isinstance(one, DeliveryFailed):
        raise one
    return one
