"""All jobs of one source."""

from collections.abc import Callable
from dataclasses import dataclass

from outbox_relay.running.jobs.keep_leadership import KeepLeadership
from outbox_relay.running.jobs.maintain_partitions import MaintainPartitions
from outbox_relay.running.jobs.measure_lag import MeasureLag
from outbox_relay.running.jobs.publish_events import PublishEvents
from outbox_relay.running.jobs.watch_topics import WatchTopics
from outbox_relay.running.jobs.watch_work import WatchWork
from servicekit.db.watchdog import Watchdog


@dataclass(frozen=True, slots=True)
class SourceJobs:
    """What runs for one source, and how it ends."""

    name: str
    publish_events: PublishEvents
    keep_leadership: KeepLeadership
    measure_lag: MeasureLag
    maintain_partitions: MaintainPartitions
    watch_topics: WatchTopics
    watch_work: WatchWork
    watchdogs: tuple[Watchdog, ...]
    stop_publishing: Callable[[], None]
    """Gives up the pages on their way and publishes nothing more; any thread may call it."""
    closing: tuple[Callable[[], None], ...]
    """Hands over to other relays and closes connections, in this order, once no job runs any more."""

    def close(self) -> None:
        for close in self.closing:
            close()
