"""Prepared statements: planned once a session, with the same outcome as ordinary ones."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import DataError

from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.prepared import PreparedStatement, array, text_array
from tests.support.database_faults import end_sessions

TEXTS = PreparedStatement("SELECT ($1::text[])[number] FROM unnest($2::int[]) AS number ORDER BY number")
ODD = ["", "NULL", "null", '"', "\\", "{}", ",", "a b", "%s", "%(p1)s", "$1"]
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


@pytest.fixture(params=["session", "transaction"])
def pooling(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def engine(pooling: str, database_url: str) -> Iterator[Engine]:
    settings = DatabaseSettings.model_validate({"database_url": database_url, "database_pooling": pooling})
    engine = create_engine(settings, "test")
    yield engine
    engine.dispose()


def read(engine: Engine, values: Sequence[str | None]) -> list[str | None]:
    with engine.begin() as connection:
        rows = TEXTS.execute(connection, text_array(values), array(range(1, len(values) + 1)))
        return [row[0] for row in rows]


def prepared(engine: Engine) -> int:
    with engine.connect() as connection:
        statement = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'servicekit%%'"
        return int(connection.exec_driver_sql(statement).scalar_one())


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.none() | texts | st.sampled_from(ODD)))
def test_texts_arrive_as_they_were_given(engine: Engine, values: list[str | None]) -> None:
    assert read(engine, values) == values


def test_a_session_prepares_once_even_if_its_transaction_is_rolled_back(engine: Engine, pooling: str) -> None:
    with engine.connect() as connection:
        TEXTS.execute(connection, text_array(["a"]), array([1]))
        connection.rollback()
    assert read(engine, ["b"]) == ["b"]
    # A pooler may give the next transaction a session that doesn't know the statement.
    assert prepared(engine) == {"session": 1, "transaction": 0}[pooling]


def test_a_new_session_prepares_anew(engine: Engine, database_url: str) -> None:
    assert read(engine, ["a"]) == ["a"]
    end_sessions(database_url)
    assert read(engine, ["b"]) == ["b"]


def test_an_error_is_sqlalchemys(engine: Engine) -> None:
    assert read(engine, ["a"]) == ["a"]
    with engine.connect() as connection, pytest.raises(DataError):
        TEXTS.execute(connection, text_array(["a"]), array(["no number"]))
    assert read(engine, ["b"]) == ["b"]
