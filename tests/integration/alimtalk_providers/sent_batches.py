"""A batch, as the service sends it, and what its recipients get."""

from collections.abc import Iterable, Sequence
from functools import partial

from notification_service.application.ports import MessageBatches, Sent
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.errors import MessageNotFound
from notification_service.domain.order_event import OrderEvent
from tests.integration.alimtalk_providers.connection import Connection
from tests.support.notification_builders import WRITE_ALIMTALK, a_delivery

def batches(connection: Connection) -> MessageBatches:
    adapter = connection.adapter
    assert adapter.batches is not None
    return adapter.batches


def send(connection: Connection, messages: Sequence[AlimtalkMessage]) -> Sequence[Sent]:
    return batches(connection).send(messages, lambda: True)


def wanted(messages: Iterable[AlimtalkMessage]) -> list[tuple[str, str]]:
    """Once each: what its recipient gets."""
    return sorted((message.recipient_number, message.content) for message in messages)


def got(connection: Connection) -> list[tuple[str, str]]:
    return sorted((sent["recipientNo"], sent["content"]) for sent in connection.sent())
