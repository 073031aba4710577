"""The other jobs: what each returns and leaves on the status board."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from outbox_relay.postgresql.lag import SourceLag
from outbox_relay.postgresql.leadership import Leadership
from outbox_relay.postgresql.retention import PartitionChanges, Retention
from outbox_relay.protocol.errors import BrokerUnavailable, SourceUnavailable
from outbox_relay.running.jobs.check_kafka import CheckKafka
from outbox_relay.running.jobs.keep_leadership import KeepLeadership
from outbox_relay.running.jobs.maintain_partitions import MaintainPartitions
from outbox_relay.running.jobs.measure_lag import MeasureLag
from outbox_relay.running.jobs.watch_work import SILENCE_SECONDS, WatchWork
from outbox_relay.running.status import StatusBoard
from servicekit.kafka.probe import KafkaUnavailable

LAG = SourceLag((), "outbox_p1", 7.0)


@pytest.fixture
def board() -> StatusBoard:
    return StatusBoard(["test"])


@pytest.fixture
def unreachable() -> Iterator[Engine]:
    """An engine for a port at which no server listens."""
    engine = create_engine("postgresql+psycopg2://user@127.0.0.1:1/database", poolclass=NullPool)
    yield engine
    engine.dispose()


def test_lag_is_returned_and_shown(board: StatusBoard) -> None:
    assert MeasureLag("test", lambda: LAG, board).run_once() == LAG
    assert board.get("test").lag == LAG


def test_lag_that_can_not_be_measured_is_unknown_and_not_the_old_one(board: StatusBoard) -> None:
    error = SourceUnavailable("away")

    def fail() -> SourceLag:
        raise error

    MeasureLag("test", lambda: LAG, board).run_once()

    assert MeasureLag("test", fail, board).run_once() is None
    assert board.get("test").lag is None
    assert board.get("test").work_error is error


def test_lag_that_can_not_be_measured_gets_older(board: StatusBoard) -> None:
    def age() -> float:
        return REGISTRY.get_sample_value("figures_seconds_since_measured", {"figures": "test lag"}) or 0.0

    def fail() -> SourceLag:
        raise SourceUnavailable("away")

    job = MeasureLag("test", fail, board)
    first = age()
    assert job.run_once() is None
    assert age() > first > 0


def test_kafka_counts_as_unavailable_until_it_has_answered(board: StatusBoard) -> None:
    def fail() -> None:
        raise KafkaUnavailable("away")

    assert board.kafka_error is not None
    assert CheckKafka(lambda: None, board).run_once()
    assert board.kafka_error is None
    assert not CheckKafka(fail, board).run_once()
    assert isinstance(board.kafka_error, BrokerUnavailable)


def test_leadership_that_can_not_be_confirmed_is_lost(board: StatusBoard, unreachable: Engine) -> None:
    board.leadership_confirmed("test", frozenset({0}))
    losses: list[None] = []
    leadership = Leadership(unreachable, schema="public", identity="test:1", timeout_seconds=4)

    led = KeepLeadership("test", leadership, board, on_loss=lambda: losses.append(None)).run_once()

    assert led == frozenset()
    assert len(losses) == 1
    assert board.get("test").led_shards == frozenset()
    assert isinstance(board.get("test").database_error, SourceUnavailable)


def test_maintenance_of_an_unreachable_database_changes_nothing(unreachable: Engine) -> None:
    retention = Retention(
        unreachable,
        partition_positions=1_000,
        partitions_ahead=2,
        partition_max_age=timedelta(hours=24),
        retention=timedelta(hours=168),
    )

    assert MaintainPartitions("test", retention).run_once() == PartitionChanges()


def test_publishing_that_is_not_answered_is_named_until_its_turn_ends(board: StatusBoard) -> None:
    board.leadership_confirmed("test", frozenset({0}))
    silence = SILENCE_SECONDS - 0.1
    work = WatchWork("test", lambda: silence, board)
    assert not work.run_once()
    assert board.get("test").last_error is None

    silence = SILENCE_SECONDS
    assert work.run_once()
    assert "not its publishing" in str(board.get("test").last_error)

    board.turn_ended("test", None)
    silence = 0.0
    assert not work.run_once()
    assert board.get("test").last_error is None


def test_silence_towards_a_standby_says_nothing(board: StatusBoard) -> None:
    assert not WatchWork("test", lambda: 60.0, board).run_once()
    assert board.get("test").last_error is None
