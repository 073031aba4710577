"""What a sweep that fails does to the others, and what operators see of it."""

import time
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.retention import Retention, RetentionThread
from servicekit.lifecycle import StopSignal
from tests.support.waiting import wait_until


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(DatabaseSettings(database_url=database_url), "test")
    yield engine
    engine.dispose()


def fails(connection: Connection, _: int) -> int:
    connection.execute(text("SELECT 1 / 0"))
    return 0


def finds_one(_: Connection, __: int) -> int:
    return 1


def shown(metric: str, rows: str) -> float:
    value = REGISTRY.get_sample_value(metric, {"rows": rows})
    assert value is not None
    return value


def test_a_sweep_that_fails_keeps_no_other_from_its_rows(engine: Engine) -> None:
    retention = Retention(engine, {"bad": fails, "good": finds_one})
    made_at = time.monotonic()
    before = REGISTRY.get_sample_value("retention_rows_removed_total", {"rows": "good"}) or 0.0

    with pytest.raises(DBAPIError):
        retention.run_once(StopSignal())

    assert shown("retention_rows_removed_total", "good") == before + 1
    ended_at = time.monotonic()
    # Since it was made, and since it succeeded.
    assert shown("retention_seconds_since_success", "bad") >= ended_at - made_at
    assert shown("retention_seconds_since_success", "good") < time.monotonic() - made_at


def test_the_thread_goes_on_after_a_failure(engine: Engine) -> None:
    stop = StopSignal()
    with capture_logs() as logs:
        thread = RetentionThread(Retention(engine, {"bad": fails}), stop)
        thread.start()
        wait_until(lambda: bool(logs), "the failure to be logged")
        assert thread.is_alive()
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
    assert [(log["event"], log["reason"]) for log in logs] == [("retention_failed", "DivisionByZero")]
