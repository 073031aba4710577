"""The webhook that reports events about orders to monitoring."""

import httpx

from notification_service.application.ports import MaySend
from notification_service.domain.attempt import Receipt
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.http_client import exchange, unexpected
from servicekit.rfc3339 import format_rfc3339


class MonitoringWebhook:
    """Posts each event to a URL.

    A post whose reply was lost is repeated with the same ``Idempotency-Key``, the event's id. The receiver
    must drop repetitions by that key: that is its part of "exactly once".
    """

    def __init__(self, client: httpx.Client, url: str) -> None:
        self._client = client
        # Parsed once: that takes as long as writing the request.
        self._url = httpx.URL(url)

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        order = delivery.order
        request = self._client.build_request(
            "POST",
            self._url,
            headers={"Idempotency-Key": str(order.event_id)},
            json={
                "type": order.event,
                "eventId": str(order.event_id),
                "orderId": str(order.order_id),
                "userId": order.user_id,
                "currency": order.currency,
                "totalAmount": order.total_amount,
                "itemCount": order.item_count,
                "completedAt": format_rfc3339(order.completed_at),
            },
        )
        # Without may_send: a post after the lease is a repetition, which the key makes harmless.
        response = exchange(self._client, request)
        if not response.is_success:
            raise unexpected(response)
        return Receipt()
