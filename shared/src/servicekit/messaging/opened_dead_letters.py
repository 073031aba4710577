"""A command on dead letters, composed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine

from servicekit.config import KafkaConsumerSettings
from servicekit.dead_letters.handled import HandledDeadLetters
from servicekit.messaging.dead_letter_operations import DeadLetterOperations
from servicekit.messaging.dead_letters import SUFFIX
from servicekit.messaging.handler import MessageHandler
from servicekit.messaging.topic_reader import topic_reader

EventT = TypeVar("EventT")


@contextmanager
def opened_dead_letters(
    service: str,
    settings: KafkaConsumerSettings,
    engine: Engine,
    topic: str,
    group_id: str,
    handler: MessageHandler[EventT],
) -> Iterator[DeadLetterOperations[EventT]]:
    """Operations on ``<topic>.dlt`` for the block.

    Raises :class:`servicekit.db.schema.SchemaRefused`, and what Kafka's client and the database raise.
    """
    handled = HandledDeadLetters(engine, topic + SUFFIX)
    handled.check_schema(service)
    with topic_reader(settings) as reader:
        yield DeadLetterOperations(topic + SUFFIX, group_id, reader, handled, handler)
