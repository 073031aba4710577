"""A consumer process, composed."""

import gc
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

import structlog

from servicekit.config import KafkaConsumerSettings
from servicekit.db.errors import may_pass
from servicekit.inbox.offsets import DatabaseWentBack, OffsetStore
from servicekit.lifecycle import StopSignal
from servicekit.messaging.dead_letters import KafkaDeadLetterWriter
from servicekit.messaging.handler import MessageHandler
from servicekit.messaging.kafka_source import connect
from servicekit.messaging.loop import ConsumerLoop
from servicekit.messaging.offset_guard import OffsetGuard
from servicekit.messaging.status import ConsumerStatus

EventT = TypeVar("EventT")
_log = structlog.get_logger(__name__)


def run_consumer(
    settings: KafkaConsumerSettings,
    *,
    topic: str,
    group_id: str,
    handler: MessageHandler[EventT],
    stop: StopSignal,
    is_transient: Callable[[BaseException], bool] = may_pass,
    status: ConsumerStatus | None = None,
    offsets: OffsetStore | None = None,
) -> None:
    """Consume ``topic`` as a member of ``group_id`` until ``stop`` is set, then leave the group.

    Returns after a graceful stop. Raises what the handler raises that isn't transient, and what
    :func:`servicekit.kafka.errors.may_pass` takes for a bug: let the process end with it, the records are
    delivered again. ``status`` is for the process's readiness. With ``offsets``, of the
    database of the handler's inbox, it goes on where that has come to, also after a restore.
    """
    try:
        status = status or ConsumerStatus(topic)
        guard = None if offsets is None else OffsetGuard(topic, offsets, status, is_transient)
        _run(settings, topic, group_id, handler, stop, is_transient, status, guard)
    except Exception as error:
        _log.exception("consumer_ended_by_bug", topic=topic, group_id=group_id, error=type(error).__name__)
        raise


def _run(
    settings: KafkaConsumerSettings,
    topic: str,
    group_id: str,
    handler: MessageHandler[EventT],
    stop: StopSignal,
    is_transient: Callable[[BaseException], bool],
    status: ConsumerStatus,
    guard: OffsetGuard | None,
) -> None:
    source = connect(settings, topic, group_id, stop, guard)
    if source is None:
        return
    dead_letters = KafkaDeadLetterWriter(settings, group_id)

    def is_waited_for(error: BaseException) -> bool:
        return isinstance(error, DatabaseWentBack) or is_transient(error)

    # What the process is made of stays. The collector would walk it every few polls, which takes a quarter of
    # a worker's time, and lets all threads of a consumer wait for 100 ms.
    gc.freeze()
    _log.info("consumer_started", topic=topic, group_id=group_id)
    with ExitStack() as scope:
        scope.callback(_log.info, "consumer_stopped", topic=topic, group_id=group_id)
        scope.callback(source.close)
        scope.callback(dead_letters.close)
        ConsumerLoop(source, handler, dead_letters, is_waited_for, status, offsets=guard).run(stop)
