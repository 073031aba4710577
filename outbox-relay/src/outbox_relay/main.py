"""The composition root: one process that relays any number of sources."""

import os
import socket
import sys
import threading
from importlib.metadata import version

import click
import structlog
from flask import Flask
from sqlalchemy import Engine

from outbox_relay.config import RelaySettings, SourceSettings
from outbox_relay.kafka.broker import BrokerProbe
from outbox_relay.kafka.publisher import KafkaPublisher
from outbox_relay.operations.http import create_relay_app
from outbox_relay.postgresql.database import (
    leadership_engine,
    maintenance_engine,
    operator_engine,
    work_engine,
)
from outbox_relay.postgresql.dead_letters import OPERATIONS_AT_ONCE, DeadLetterOperations
from outbox_relay.postgresql.lag import measure
from outbox_relay.postgresql.leadership import Leadership
from outbox_relay.postgresql.parking import PostgresDeadLetters
from outbox_relay.postgresql.retention import Retention
from outbox_relay.postgresql.session import WorkSession
from outbox_relay.postgresql.source import PostgresSource
from outbox_relay.postgresql.watchdog import Watchdog
from outbox_relay.protocol.pace import Pace
from outbox_relay.protocol.relay import Relay
from outbox_relay.running.measured import MeasuredPublisher
from outbox_relay.running.readiness import KafkaWatch
from outbox_relay.running.schedule import Schedule
from outbox_relay.running.status import StatusBoard
from outbox_relay.running.worker import SourceWorker
from servicekit.config import load_settings
from servicekit.http.server import HttpServer
from servicekit.kafka.cluster import KafkaCluster
from servicekit.lifecycle import StopSignal
from servicekit.observability.logging import configure_logging
from servicekit.observability.tracing import configure_tracing

_BEAT_SECONDS = 1.0
_MEASURE_SECONDS = 2.0
_WATCH_SECONDS = 0.5
_PROBE_SECONDS = 2.0
_FINISH_SECONDS = 3.0
_GIVE_UP_SECONDS = 8.0
_OTHER_THREADS = 4

_log = structlog.get_logger(__name__)


def run() -> None:
    """Relay until SIGTERM or SIGINT; returns once everything has been handed over."""
    settings = load_settings(RelaySettings)
    configure_logging(settings.log_level, settings.log_format, "outbox-relay")
    configure_tracing("outbox-relay", settings.otel_exporter_otlp_endpoint)
    stop = StopSignal()
    stop.install()
    board = StatusBoard()
    cluster = KafkaCluster.of(settings)
    probe = BrokerProbe(cluster, settings.kafka_client_id)
    kafka = KafkaWatch(probe.check)
    workers = [
        _worker(name, source, settings, cluster, probe, board) for name, source in settings.sources.items()
    ]
    schedule = _schedule(workers, kafka, settings)
    operators_watchdog = Watchdog()
    schedule.every(_WATCH_SECONDS, "operators.watch", operators_watchdog.run_once)
    dead_letters = {
        name: DeadLetterOperations(name, operator_engine(source, settings, operators_watchdog))
        for name, source in settings.sources.items()
    }
    app = create_relay_app(board, kafka, dead_letters)
    with _http_server(app, settings):
        schedule.start()
        _log.info("relay_started", sources=sorted(settings.sources), version=version("outbox-relay"))
        stop.wait()
        _log.info("relay_stopping")
        _stop(schedule, workers)
    _log.info("relay_stopped")


def _http_server(app: Flask, settings: RelaySettings) -> HttpServer:
    """Exits with 2 if it can't listen."""
    # However many operators wait for a database that doesn't answer, whoever asks for /healthz gets a thread.
    threads = _OTHER_THREADS + OPERATIONS_AT_ONCE * len(settings.sources)
    server = HttpServer(app, settings.http_host, settings.http_port, threads)
    try:
        server.start()
    except OSError as error:
        address = f"{settings.http_host}:{settings.http_port}"
        click.echo(f"outbox-relay: can't listen on {address} (HTTP_HOST, HTTP_PORT): {error}", err=True)
        sys.exit(2)
    return server


def _worker(
    name: str,
    source: SourceSettings,
    settings: RelaySettings,
    cluster: KafkaCluster,
    probe: BrokerProbe,
    board: StatusBoard,
) -> SourceWorker:
    watchdog, work_watchdog = Watchdog(), Watchdog()
    leadership = Leadership(
        leadership_engine(source, settings, watchdog),
        schema=source.database_schema,
        identity=f"{socket.gethostname()}:{os.getpid()}",
        timeout_seconds=settings.leadership_timeout_ms / 1000,
    )
    engine = work_engine(source, settings, work_watchdog)
    session = WorkSession(engine, on_loss=leadership.renounce)
    publisher = KafkaPublisher(
        cluster,
        f"{settings.kafka_client_id}-{name}",
        probe,
        timeout_seconds=settings.publish_timeout_seconds,
        event_max_bytes=settings.event_max_bytes,
        missing_topic_grace_seconds=settings.missing_topic_grace_seconds,
    )
    side_engine = maintenance_engine(source, settings, watchdog)
    board.add(name)
    return SourceWorker(
        name,
        relay=Relay(
            PostgresSource(session, leadership, settings.page_events, settings.page_bytes),
            PostgresDeadLetters(session, name),
            MeasuredPublisher(publisher, name),
        ),
        leadership=leadership,
        retention=Retention(name, side_engine, settings),
        measure=lambda: measure(side_engine),
        board=board,
        pace=Pace(settings.poll_interval_busy_ms / 1000, settings.poll_interval_ms / 1000),
        abandon=publisher.abandon,
        stop_publishing=publisher.stop,
        watchdog=watchdog,
        work_watchdog=work_watchdog,
        close=lambda: _close(session, engine, side_engine),
    )


def _close(session: WorkSession, *engines: Engine) -> None:
    session.end()
    for engine in engines:
        engine.dispose()


def _schedule(workers: list[SourceWorker], kafka: KafkaWatch, settings: RelaySettings) -> Schedule:
    schedule = Schedule()
    schedule.every(_PROBE_SECONDS, "kafka", kafka.run_once)
    for worker in workers:
        schedule.every(_BEAT_SECONDS, f"{worker.name}.beat", worker.beat_once)
        schedule.every(_WATCH_SECONDS, f"{worker.name}.watch", worker.watch_once)
        schedule.every(_MEASURE_SECONDS, f"{worker.name}.measure", worker.measure_once)
        schedule.every(settings.maintenance_interval_seconds, f"{worker.name}.maintain", worker.maintain_once)
        schedule.step(f"{worker.name}.relay", worker.relay_once)
    return schedule


def _stop(schedule: Schedule, workers: list[SourceWorker]) -> None:
    """Finish the pages under way, or else abandon them, and let others lead."""
    watchdog = threading.Timer(_GIVE_UP_SECONDS, _give_up)
    watchdog.daemon = True
    watchdog.start()
    for worker in workers:
        worker.stop()
    finishing = threading.Thread(target=schedule.stop, name="finish", daemon=True)
    finishing.start()
    finishing.join(_FINISH_SECONDS)
    if finishing.is_alive():
        for worker in workers:
            worker.abandon()
        _log.info("pages_abandoned")
        finishing.join()
    for worker in workers:
        worker.close()
    watchdog.cancel()


def _give_up() -> None:
    # A thread waits for a peer that no longer answers. Nothing is lost by leaving it: what isn't in a saved
    # cursor is published again, and PostgreSQL frees the lock with the session.
    _log.warning("relay_stop_forced")
    os._exit(0)
