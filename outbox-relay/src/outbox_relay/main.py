"""The composition root: one process that relays any number of sources."""

import os
import socket
from datetime import timedelta
from importlib.metadata import version

import structlog

from outbox_relay.config import RelaySettings
from outbox_relay.kafka.publisher import KafkaPublisher
from outbox_relay.operations.app import create_relay_app, listening
from outbox_relay.postgresql.database import (
    SourceDatabase,
    leadership_engine,
    maintenance_engine,
    operator_engine,
    work_engine,
)
from outbox_relay.postgresql.dead_letter_operations import DeadLetterOperations
from outbox_relay.postgresql.dead_letters import PostgresDeadLetters
from outbox_relay.postgresql.known_topics import KnownTopics, stored_topics
from outbox_relay.postgresql.lag import measure
from outbox_relay.postgresql.leadership import Leadership
from outbox_relay.postgresql.retention import Retention
from outbox_relay.postgresql.session import WorkSession
from outbox_relay.postgresql.source import PostgresSource
from outbox_relay.protocol.relay import Relay
from outbox_relay.running.jobs.check_kafka import CheckKafka
from outbox_relay.running.jobs.keep_leadership import KeepLeadership
from outbox_relay.running.jobs.maintain_partitions import MaintainPartitions
from outbox_relay.running.jobs.measure_lag import MeasureLag
from outbox_relay.running.jobs.publish_events import PublishEvents
from outbox_relay.running.jobs.watch_topics import WatchTopics
from outbox_relay.running.jobs.watch_work import WatchWork
from outbox_relay.running.measured_publisher import MeasuredPublisher
from outbox_relay.running.poll_interval import PollInterval
from outbox_relay.running.schedule import schedule_jobs
from outbox_relay.running.shutdown import shut_down
from outbox_relay.running.source_jobs import SourceJobs
from outbox_relay.running.status import StatusBoard
from servicekit.config import load_settings
from servicekit.db.watchdog import Watchdog
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.probe import KafkaProbe
from servicekit.process import begin_process

_log = structlog.get_logger(__name__)


def run() -> None:
    """Relay until SIGTERM or SIGINT; returns once everything has been handed over."""
    settings = load_settings(RelaySettings)
    stop = begin_process("outbox-relay", settings)

    databases = settings.databases()
    cluster = KafkaCluster.of(settings)
    probe = KafkaProbe(cluster, settings.kafka_client_id)
    board = StatusBoard(databases)
    sources = [
        _source_jobs(name, database, settings, cluster, probe, board) for name, database in databases.items()
    ]
    operators_watchdog = Watchdog()
    dead_letters = {
        name: DeadLetterOperations(name, operator_engine(database, operators_watchdog))
        for name, database in databases.items()
    }
    scheduler = schedule_jobs(
        sources, CheckKafka(probe.check, board), operators_watchdog, settings.maintenance_interval_seconds
    )

    with listening(
        create_relay_app(board, dead_letters), settings.http_host, settings.http_port, len(sources)
    ):
        scheduler.start()
        _log.info("relay_started", sources=sorted(databases), version=version("outbox-relay"))
        stop.wait()
        _log.info("relay_stopping")
        shut_down(scheduler, sources)
    _log.info("relay_stopped")


def _source_jobs(
    name: str,
    database: SourceDatabase,
    settings: RelaySettings,
    cluster: KafkaCluster,
    probe: KafkaProbe,
    board: StatusBoard,
) -> SourceJobs:
    watchdog, work_watchdog = Watchdog(), Watchdog()
    leadership = Leadership(
        leadership_engine(database, settings.leadership_timeout_ms, watchdog),
        schema=database.schema,
        identity=f"{socket.gethostname()}:{os.getpid()}",
        timeout_seconds=settings.leadership_timeout_ms / 1000,
    )
    session = WorkSession(work_engine(database, work_watchdog), on_loss=leadership.renounce)
    topics = KnownTopics(name, session)
    maintenance = maintenance_engine(database, watchdog)
    publisher = KafkaPublisher(
        cluster,
        f"{settings.kafka_client_id}-{name}",
        probe,
        timeout_seconds=settings.publish_timeout_seconds,
        event_max_bytes=settings.event_max_bytes,
        missing_topic_grace_seconds=settings.missing_topic_grace_seconds,
        verify=topics.verify,
    )
    relay = Relay(
        PostgresSource(session, leadership, settings.page_events, settings.page_bytes, topics),
        PostgresDeadLetters(session, name),
        MeasuredPublisher(publisher, name),
    )
    poll_interval = PollInterval(settings.poll_interval_busy_ms / 1000, settings.poll_interval_ms / 1000)
    retention = Retention(
        maintenance,
        partition_positions=settings.partition_positions,
        partitions_ahead=settings.partitions_ahead,
        partition_max_age=timedelta(hours=settings.partition_max_age_hours),
        retention=timedelta(hours=settings.retention_hours),
    )
    publish_events = PublishEvents(name, relay, board, poll_interval, publisher.abandon)

    def silent_seconds() -> float:
        # A turn may also wait for Kafka, and what an earlier one was not answered says nothing of this one.
        return min(publish_events.seconds_in_turn(), work_watchdog.unanswered_seconds())

    return SourceJobs(
        name,
        publish_events,
        KeepLeadership(name, leadership, board, on_loss=work_watchdog.end_all),
        MeasureLag(name, lambda: measure(maintenance), board),
        MaintainPartitions(name, retention),
        WatchTopics(name, lambda: stored_topics(maintenance), probe.identify, topics.suspect, board),
        WatchWork(name, silent_seconds, board),
        watchdogs=(watchdog, work_watchdog),
        stop_publishing=publisher.stop,
        closing=(leadership.resign, publisher.stop, session.end, maintenance.dispose),
    )
