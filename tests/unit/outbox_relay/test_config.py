"""Settings of the relay."""

import pytest

from outbox_relay.config import RelaySettings
from servicekit.config import InvalidSettings, load_settings, read_settings


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka-1:9092,kafka-2:9092")
    monkeypatch.setenv("SOURCES__COUPON__DATABASE_URL", "postgresql://relay:secret@db:5432/coupon")
    monkeypatch.setenv("SOURCES__ORDER_2__DATABASE_URL", "postgresql://relay:secret@db:5432/orders")
    return monkeypatch


def test_any_number_of_sources_is_read_by_name(environment: pytest.MonkeyPatch) -> None:
    settings = read_settings(RelaySettings)

    assert set(settings.sources) == {"coupon", "order_2"}
    assert settings.sources["coupon"].database_schema == "public"
    assert settings.http_port == 8004


def test_every_problem_is_named_and_no_secret_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SOURCES__COUPON__DATABASE_URL", "mysql://relay:secret@db/coupon")
    environment.setenv("SOURCES__ORDER_2__DATABASE_SCHEMA", "a schema; DROP")
    environment.setenv("PAGE_EVENTS", "0")
    environment.delenv("KAFKA_BOOTSTRAP_SERVERS")

    with pytest.raises(InvalidSettings) as caught:
        read_settings(RelaySettings)

    assert {variable for variable, _ in caught.value.problems} == {
        "SOURCES__COUPON__DATABASE_URL",
        "SOURCES__ORDER_2__DATABASE_SCHEMA",
        "PAGE_EVENTS",
        "KAFKA_BOOTSTRAP_SERVERS",
    }
    assert "secret" not in str(caught.value)


def test_relay_without_a_source_is_refused(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("SOURCES__COUPON__DATABASE_URL")
    environment.delenv("SOURCES__ORDER_2__DATABASE_URL")

    with pytest.raises(InvalidSettings, match="SOURCES"):
        read_settings(RelaySettings)


def test_variable_that_stands_where_the_sources_are_is_named(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("SOURCES", "foo")

    with pytest.raises(SystemExit) as caught:
        load_settings(RelaySettings)

    assert caught.value.code == 2
    assert "SOURCES" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "lowest", "too_low"),
    [
        ("PAGE_EVENTS", "1", "0"),
        ("PAGE_BYTES", "1024", "1023"),
        ("EVENT_MAX_BYTES", "1024", "1023"),
        ("POLL_INTERVAL_MS", "1", "0"),
        ("POLL_INTERVAL_BUSY_MS", "1", "0"),
        ("MISSING_TOPIC_GRACE_SECONDS", "0", "-1"),
        ("LEADERSHIP_TIMEOUT_MS", "2000", "1999"),
        ("PARTITION_POSITIONS", "1000", "999"),
        ("PARTITIONS_AHEAD", "1", "0"),
        ("RETENTION_HOURS", "0.001", "0"),
        ("PARTITION_MAX_AGE_HOURS", "0.001", "0"),
        ("MAINTENANCE_INTERVAL_SECONDS", "0.1", "0"),
    ],
)
def test_a_setting_has_a_lowest_value(
    environment: pytest.MonkeyPatch, variable: str, lowest: str, too_low: str
) -> None:
    environment.setenv(variable, lowest)
    assert getattr(read_settings(RelaySettings), variable.lower()) == float(lowest)

    environment.setenv(variable, too_low)
    with pytest.raises(InvalidSettings, match=variable):
        read_settings(RelaySettings)
