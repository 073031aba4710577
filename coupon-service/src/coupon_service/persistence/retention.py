"""What is removed, and when: idempotency keys, events in the inbox, rejected requests, history.

Coupons and what users hold stay: they are the shop's facts. So do issued requests, each the origin of a
user's coupon, requests that are not decided, whose events may still come, and differences that are open.
What operators did with dead letters stays, too: it is little, and says who and why. The relay drops what the
outbox has published.
"""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import exists, func

from coupon_service.domain.coupon_request import RequestStatus
from coupon_service.persistence.tables import (
    coupon_change,
    coupon_order,
    coupon_request,
    idempotency_key,
    inbox,
    order_difference,
    user_coupon_change,
)
from servicekit.db.retention import Sweep, delete_older


class SqlRetention:
    """How long each kind of rows is kept.

    ``idempotency_keys`` counts from a key's first use, ``requests`` from the rejection, and ``inbox_events``
    from an event's arrival. ``history`` counts from the change, an order's last event, or the settlement of a
    difference; no order holds a coupon for as long. An event of a removed request is refused like that of an
    unknown one, whatever the inbox knows: it never gets a second decision.
    """

    def __init__(
        self,
        *,
        idempotency_keys: timedelta,
        requests: timedelta,
        inbox_events: timedelta,
        history: timedelta,
    ) -> None:
        self._idempotency_keys = idempotency_keys
        self._requests = requests
        self._inbox_events = inbox_events
        self._history = history

    def sweeps(self) -> Mapping[str, Sweep]:
        """By the name that log and metrics have for what they remove."""
        keys, requests, events = idempotency_key.c, coupon_request.c, inbox.c
        is_rejected = requests.status == RequestStatus.REJECTED.value
        return {
            "idempotency_keys": delete_older(idempotency_key, keys.created_at, self._idempotency_keys),
            "requests": delete_older(coupon_request, requests.decided_at, self._requests, is_rejected),
            "inbox": delete_older(inbox, events.received_at, self._inbox_events),
            **self._sweeps_of_history(),
        }

    def _sweeps_of_history(self) -> Mapping[str, Sweep]:
        orders, differences, age = coupon_order.c, order_difference.c, self._history
        last_event_at = func.coalesce(orders.cancelled_at, orders.completed_at)
        has_no_difference = ~exists().where(differences.order_id == orders.order_id)
        return {
            "user_coupon_changes": delete_older(user_coupon_change, user_coupon_change.c.changed_at, age),
            "coupon_changes": delete_older(coupon_change, coupon_change.c.changed_at, age),
            # Before their orders, which they refer to.
            "order_differences": delete_older(order_difference, differences.settled_at, age),
            "coupon_orders": delete_older(coupon_order, last_event_at, age, has_no_difference),
        }
