"""Settings are refused all at once, by name, without repeating a secret."""

from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic_settings import BaseSettings, SettingsConfigDict

from servicekit.config import (
    DatabaseSettings,
    HttpSettings,
    InvalidSettings,
    KafkaConsumerSettings,
    ProcessSettings,
    load_settings,
    read_settings,
)
from servicekit.db.engine import create_engine
from servicekit.http.gunicorn_worker import WorkerSettings


class Settings(HttpSettings, KafkaConsumerSettings, DatabaseSettings, ProcessSettings):
    pass


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "HTTP_PORT", "LOG_LEVEL", "LOG_FORMAT"):
        monkeypatch.delenv(name, raising=False)


def set_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@127.0.0.1:5432/shop")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092,127.0.0.1:9093")
    monkeypatch.setenv("HTTP_PORT", "8001")


def test_valid_environment_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    set_valid(monkeypatch)
    settings = read_settings(Settings)
    assert settings.http_port == 8001
    assert settings.log_level == "INFO"


def test_every_missing_and_malformed_variable_is_named_in_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://user:secret@127.0.0.1/shop")
    monkeypatch.setenv("HTTP_PORT", "70000")
    monkeypatch.setenv("LOG_FORMAT", "yaml")
    with pytest.raises(SystemExit) as stopped:
        load_settings(Settings)
    message = capsys.readouterr().err
    assert stopped.value.code == 2
    for variable in ("DATABASE_URL", "HTTP_PORT", "LOG_FORMAT", "KAFKA_BOOTSTRAP_SERVERS"):
        assert f"  {variable}: " in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "postgresql://user:secret@127.0.0.1:5432"),
        ("DATABASE_URL", "not a url"),
        ("DATABASE_URL", "postgresql://user:secret@one:5432,two:5432/shop"),
        ("DATABASE_URL", "postgresql://user:secret@one,two/shop?target_session_attrs=any"),
        ("DATABASE_URL", "postgresql://user:secret@one:5432,:5433/shop?target_session_attrs=read-write"),
        ("DATABASE_URL", "postgresql://user:secret@127.0.0.1:99999/shop"),
        ("DATABASE_URL", "postgresql://user:secret@127.0.0.1:5432/shop?sslmode=verify-fully"),
        (
            "DATABASE_URL",
            "postgresql://user:secret@127.0.0.1:5432/shop?sslmode=require&sslrootcert=/none.pem",
        ),
        ("DATABASE_URL", "postgresql://user:secret@127.0.0.1:5432/shop?ssl_mode=verify-full"),
        ("DATABASE_URL", "postgresql://user:secret%zz@127.0.0.1:5432/shop"),
        ("DATABASE_URL", f"postgresql://user:secret@127.0.0.1:5432/shop?sslrootcert={__file__}"),
        ("DATABASE_URL", f"postgresql://user:secret@127.0.0.1:5432/shop?sslmode=prefer&sslcert={__file__}"),
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1"),
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092,"),
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:0"),
        ("HTTP_PORT", "0"),
        ("HTTP_PORT", "eighty"),
        ("DATABASE_POOL_SIZE", "0"),
        ("DATABASE_POOLING", "statement"),
    ],
)
def test_malformed_value_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    set_valid(monkeypatch)
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSettings) as refused:
        read_settings(Settings)
    assert [name for name, _ in refused.value.problems] == [variable]
    assert "secret" not in str(refused.value)


def test_empty_variable_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    set_valid(monkeypatch)
    monkeypatch.setenv("DATABASE_URL", "")
    with pytest.raises(InvalidSettings, match="DATABASE_URL: is empty"):
        read_settings(Settings)


class Nested(BaseSettings):
    model_config = SettingsConfigDict(env_nested_delimiter="__")

    sources: dict[str, DatabaseSettings]


def test_variable_that_stands_in_place_of_its_parts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES", "foo")
    with pytest.raises(InvalidSettings, match="SOURCES: can't be parsed"):
        read_settings(Nested)


def test_a_database_url_says_how_it_is_encrypted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority = tmp_path / "the authority.pem"
    authority.touch()
    set_valid(monkeypatch)
    url = (
        "postgresql://us%40er:p%40ss%2Fw%3Ard%25@db.example:5432/shop"
        f"?sslmode=verify-full&sslrootcert={quote(str(authority))}"
    )
    monkeypatch.setenv("DATABASE_URL", url)
    settings = read_settings(Settings)
    assert create_engine(settings, "test").url.translate_connect_args() == {
        "username": "us@er",
        "password": "p@ss/w:rd%",
        "host": "db.example",
        "port": 5432,
        "database": "shop",
    }
    assert create_engine(settings, "test").url.query == {
        "sslmode": "verify-full",
        "sslrootcert": str(authority),
    }


def test_the_systems_authorities_are_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    set_valid(monkeypatch)
    url = "postgresql://user:secret@db.example/shop?sslmode=verify-full&sslrootcert=system"
    monkeypatch.setenv("DATABASE_URL", url)
    assert read_settings(Settings).database_url == url


def test_of_several_hosts_each_may_have_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    set_valid(monkeypatch)
    url = (
        "postgresql://us%40er:p%40ss@one:5432,[::1]:5433/shop?target_session_attrs=read-write&sslmode=require"
    )
    monkeypatch.setenv("DATABASE_URL", url)

    engine = create_engine(read_settings(Settings), "test")

    asked: dict[str, object] = {}

    def keep(**options: object) -> None:
        asked.update(options)
        raise ConnectionRefusedError

    monkeypatch.setattr("psycopg2.connect", keep)
    with pytest.raises(ConnectionRefusedError):
        engine.connect()
    expected = {
        "user": "us@er", "password": "p@ss", "host": "one,::1", "port": "5432,5433", "dbname": "shop",
        "target_session_attrs": "read-write", "sslmode": "require",
    }  # fmt: skip
    assert {name: asked[name] for name in expected} == expected


def test_a_worker_of_an_api_takes_empty_variables_for_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_REQUEST_TIMEOUT_SECONDS", "")
    monkeypatch.setenv("HTTP_KEEP_ALIVE_SECONDS", "120")
    settings = read_settings(WorkerSettings)
    assert (settings.http_request_timeout_seconds, settings.http_keep_alive_seconds) == (10.0, 120.0)
