"""One attempt at several deliveries, by one call to their receiver."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

from notification_service.application.attempt_delivery import AttemptDelivery, Ended
from notification_service.application.ports import MaySend
from notification_service.application.send_together import SendTogether
from notification_service.domain.attempt import Receipt
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.provider_call import Call


class AttemptTogether:
    """Makes attempts as AttemptDelivery does, which makes all others. It raises nothing, either.

    The breaker counts calls, not messages: one lost reply must not open it, whatever was in the batch. So
    of the deliveries whose call ended alike, one has it. A batch may end in several ways at once: some of its
    messages were taken, and then the balance was gone. Metrics count attempts.
    """

    def __init__(self, attempt: AttemptDelivery, send: SendTogether) -> None:
        self._attempt = attempt
        self._send = send

    def __call__(self, deliveries: Sequence[ClaimedDelivery], may_send: MaySend) -> Sequence[Ended]:
        # A reply may name each of its messages' recipients. Cached, since they often have one failure.
        clean = cache(partial(_without_recipients, deliveries))
        ended = [
            self._attempt.ended_by(partial(_returned, result), delivery, clean)
            for delivery, result in zip(deliveries, self._send(deliveries, may_send), strict=True)
        ]
        seen: set[Call | None] = set()
        for number, one in enumerate(ended):
            self._attempt.count(one)
            if one.call in seen:
                ended[number] = replace(one, call=None)
            seen.add(one.call)
        return ended


def _returned(result: Receipt | Exception) -> Receipt:
    if isinstance(result, Exception):
        raise result
    return result


def _without_recipients(deliveries: Sequence[ClaimedDelivery], text: str) -> str:
    for delivery in deliveries:
        text = delivery.order.recipient.removed_from(text)
    return text
