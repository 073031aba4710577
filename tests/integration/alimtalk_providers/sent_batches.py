"""A batch, as the service sends it, and what its recipients get."""

from collections.abc import Iterable, Sequence

from notification_service.application.ports import MessageBatches, Sent
from notification_service.domain.alimtalk_message import AlimtalkMessage
from tests.integration.alimtalk_providers.connection import Connection


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
