"""Later attempts at a message that may have been sent, as the service makes them."""

from functools import partial

from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.errors import MessageNotFound
from notification_service.domain.order_event import OrderEvent
from tests.integration.alimtalk_providers.connection import Connection
from tests.support.notification_builders import WRITE_ALIMTALK, a_delivery

PROCESSING_SECONDS = 60.0


def second_attempt(connection: Connection, order: OrderEvent) -> str | None:
    """What the service does once the provider's look-ups must show an earlier message."""
    attempt = partial(
        a_delivery,
        order,
        attempt=2,
        provider=connection.adapter.name,
        seconds_since_possibly_sent=PROCESSING_SECONDS + 1,
        seconds_since_ordered=120.0,
    )
    send_alimtalk = SendAlimtalk(connection.adapter, PROCESSING_SECONDS, WRITE_ALIMTALK)
    try:
        return send_alimtalk(attempt(purpose=Purpose.LOOK_UP), lambda: True).reference
    except MessageNotFound:
        return send_alimtalk(attempt(), lambda: True).reference
