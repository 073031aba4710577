"""What runs how often."""

from collections.abc import Sequence

from outbox_relay.running.jobs.check_kafka import CheckKafka
from outbox_relay.running.scheduler import Scheduler
from outbox_relay.running.source_jobs import SourceJobs
from servicekit.db.watchdog import Watchdog

_BEAT_SECONDS = 1.0
_MEASURE_SECONDS = 2.0
_WATCH_SECONDS = 0.5
_CHECK_KAFKA_SECONDS = 2.0
_WATCH_TOPICS_SECONDS = 2.0


def schedule_jobs(
    sources: Sequence[SourceJobs],
    check_kafka: CheckKafka,
    operators_watchdog: Watchdog,
    maintenance_interval_seconds: float,
) -> Scheduler:
    """A scheduler with every job of the process, not started."""
    scheduler = Scheduler()
    scheduler.every(_CHECK_KAFKA_SECONDS, "kafka", check_kafka.run_once)
    scheduler.every(_WATCH_SECONDS, "operators.watch", operators_watchdog.run_once)
    for source in sources:
        scheduler.repeat(f"{source.name}.publish", source.publish_events.run_once)
        scheduler.every(_BEAT_SECONDS, f"{source.name}.lead", source.keep_leadership.run_once)
        scheduler.every(_MEASURE_SECONDS, f"{source.name}.measure", source.measure_lag.run_once)
        scheduler.every(_WATCH_TOPICS_SECONDS, f"{source.name}.topics", source.watch_topics.run_once)
        scheduler.every(_BEAT_SECONDS, f"{source.name}.work", source.watch_work.run_once)
        scheduler.every(
            maintenance_interval_seconds, f"{source.name}.maintain", source.maintain_partitions.run_once
        )
        for number, watchdog in enumerate(source.watchdogs):
            scheduler.every(_WATCH_SECONDS, f"{source.name}.watch{number}", watchdog.run_once)
    return scheduler
