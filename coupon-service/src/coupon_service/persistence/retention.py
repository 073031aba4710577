"""What is removed, and when: idempotency keys, events in the inbox, rejected requests.

Coupons, what users hold and what orders did with it stay: they are the business's records. So do issued
requests, each the origin of a user's coupon, and requests that are not decided, whose events may still come.
What operators did with dead letters stays, too: it is little, and says who and why. The relay drops what the
outbox has published.
"""

from collections.abc import Mapping
from datetime import timedelta

from coupon_service.domain.coupon_request import RequestStatus
from coupon_service.persistence.tables import coupon_request, idempotency_key, inbox
from servicekit.db.retention import Sweep, delete_older


class SqlRetention:
    """How long each kind of rows is kept.

    ``idempotency_keys`` counts from a key's first use, ``requests`` from the rejection, and ``inbox_events``
    from an event's arrival. An event of a removed request is refused like that of an unknown one, whatever
    the inbox knows: it never gets a second decision.
    """

    def __init__(self, *, idempotency_keys: timedelta, requests: timedelta, inbox_events: timedelta) -> None:
        self._idempotency_keys = idempotency_keys
        self._requests = requests
        self._inbox_events = inbox_events

    def sweeps(self) -> Mapping[str, Sweep]:
        """By the name that log and metrics have for what they remove."""
        keys, requests, events = idempotency_key.c, coupon_request.c, inbox.c
        is_rejected = requests.status == RequestStatus.REJECTED.value
        return {
            "idempotency_keys": delete_older(idempotency_key, keys.created_at, self._idempotency_keys),
            "requests": delete_older(coupon_request, requests.decided_at, self._requests, is_rejected),
            "inbox": delete_older(inbox, events.received_at, self._inbox_events),
        }
