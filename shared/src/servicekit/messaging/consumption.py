"""Consuming several topics in one process: each in a thread of its own, so that none waits for another."""

from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from servicekit.config import KafkaConsumerSettings
from servicekit.inbox.offsets import OffsetStore
from servicekit.lifecycle import StopSignal
from servicekit.messaging.handler import MessageHandler
from servicekit.messaging.run import run_consumer
from servicekit.messaging.status import ConsumerStatus


@dataclass(frozen=True, slots=True)
class Consumption:
    """One topic, what its records are handled by, and what says how far that is.

    ``most_poll_records`` limits a poll, and so a transaction, further than the settings do.
    """

    topic: str
    consumer_group: str
    handler: MessageHandler[Any]
    status: ConsumerStatus
    most_poll_records: int | None = None


def consume_all(
    consumptions: Sequence[Consumption], settings: KafkaConsumerSettings, engine: Engine, stop: StopSignal
) -> None:
    """Consume until ``stop`` is set, or one ends by an error: it ends the others, and is raised."""

    def consume(one: Consumption) -> None:
        run_consumer(
            _limited(settings, one.most_poll_records),
            topic=one.topic,
            group_id=one.consumer_group,
            handler=one.handler,
            stop=stop,
            status=one.status,
            offsets=OffsetStore(engine, one.consumer_group),
        )

    with ThreadPoolExecutor(len(consumptions), thread_name_prefix="consumer") as pool:
        running = [pool.submit(consume, one) for one in consumptions]
        try:
            wait(running, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
    for one in running:
        one.result()


def check_all(statuses: Sequence[ConsumerStatus]) -> None:
    """For readiness. Raises :class:`servicekit.messaging.status.ConsumerStuck`."""
    for status in statuses:
        status.check()


def _limited(settings: KafkaConsumerSettings, most: int | None) -> KafkaConsumerSettings:
    if most is None or settings.consumer_max_poll_records <= most:
        return settings
    return settings.model_copy(update={"consumer_max_poll_records": most})
