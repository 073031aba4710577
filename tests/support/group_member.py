"""A consumer of a group, in a thread of the test, and what it has seen."""

import threading
from collections.abc import Sequence

from servicekit.config import KafkaConsumerSettings
from servicekit.lifecycle import StopSignal
from servicekit.messaging.records import InvalidMessage, ReceivedRecord
from servicekit.messaging.run import run_consumer
from servicekit.messaging.status import ConsumerStatus

Position = tuple[int, int]
"""Partition and offset."""


class NotNow(Exception):
    """Stands for a database that can't be reached."""


class Recorder:
    """Keeps what it was given, and fails as long as the test wants it to."""

    def __init__(self) -> None:
        self.seen: list[Position] = []
        self.failing = False
        self.attempts = 0

    def parse(self, record: ReceivedRecord) -> Position:
        if record.value == b"bad":
            raise InvalidMessage("it says bad")
        return record.partition, record.offset

    def handle(self, events: Sequence[Position]) -> None:
        self.attempts += 1
        if self.failing:
            raise NotNow
        self.seen.extend(events)


class Member:
    """One consumer of a group, in a thread."""

    def __init__(self, bootstrap_servers: str, topic: str, group_id: str) -> None:
        self.recorder = Recorder()
        self.stop_signal = StopSignal()
        self.error: BaseException | None = None
        self.status = ConsumerStatus(topic, stuck_after_seconds=1)
        settings = KafkaConsumerSettings(
            kafka_bootstrap_servers=bootstrap_servers, kafka_client_id="test", consumer_max_poll_records=10
        )
        self._thread = threading.Thread(target=self._run, args=(settings, topic, group_id))
        self._thread.start()

    def _run(self, settings: KafkaConsumerSettings, topic: str, group_id: str) -> None:
        try:
            run_consumer(
                settings, topic=topic, group_id=group_id, handler=self.recorder, stop=self.stop_signal,
                is_transient=lambda error: isinstance(error, NotNow), status=self.status,
            )  # fmt: skip
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def stop(self) -> None:
        self.stop_signal.set()
        self._thread.join(timeout=15)
        assert not self._thread.is_alive()
