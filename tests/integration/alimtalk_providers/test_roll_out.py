"""Beside a former release, which has one text, the language may change: what was sent is found."""

import pytest

from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.errors import MessageNotFound
from notification_service.domain.order_event import OrderEvent
from tests.integration.alimtalk_providers.connection import Connection
from tests.support.notification_builders import (
    WRITE_ALIMTALK,
    a_completed_order,
    a_delivery,
    a_message_for,
)

ENGLISH = "ORDER_COMPLETED_EN"


def looked_up(
    connection: Connection, order: OrderEvent, recorded: str | None, purpose: Purpose = Purpose.LOOK_UP
) -> str | None:
    """What the next attempt finds, without sending."""
    delivery = a_delivery(
        order,
        attempt=2,
        purpose=purpose,
        provider=connection.adapter.name,
        template=recorded,
        seconds_since_possibly_sent=100.0,
    )
    return SendAlimtalk(connection.adapter, 60.0, WRITE_ALIMTALK)(delivery, lambda: False).reference


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("recorded", [None, "ORDER_COMPLETED", ENGLISH])
def test_what_a_former_release_sent_is_found(
    looking_up: Connection, recorded: str | None, purpose: Purpose
) -> None:
    order = a_completed_order()
    message_id = looking_up.send(a_message_for(order))

    assert looked_up(looking_up, order, recorded, purpose) == message_id
    assert len(looking_up.sent()) == 1


def test_what_neither_release_sent_is_not_found(looking_up: Connection) -> None:
    looking_up.send(a_message_for(a_completed_order()))

    with pytest.raises(MessageNotFound):
        looked_up(looking_up, a_completed_order(), ENGLISH)
