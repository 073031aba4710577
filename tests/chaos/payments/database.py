"""A service's database, whose clock is set."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import psycopg2
from psycopg2.extras import RealDictCursor

from tests.support.waiting import wait_until

APPLICATION = "crash-matrix"
PATIENCE_SECONDS = 120
Row = Mapping[str, Any]

# Names without a schema are looked for in public, then here, then among PostgreSQL's own.
SETTABLE_CLOCK = """
CREATE SCHEMA settable;
CREATE TABLE settable.clock AS SELECT interval '0' AS ahead;
CREATE FUNCTION settable.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT pg_catalog.clock_timestamp() + ahead FROM settable.clock';
CREATE FUNCTION settable.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT pg_catalog.statement_timestamp() + ahead FROM settable.clock'
"""
USE_SETTABLE_CLOCK = "ALTER DATABASE {name} SET search_path = public, settable, pg_catalog"
_PUT_AHEAD = """
UPDATE clock SET ahead = ahead + make_interval(secs => %s)
RETURNING extract(epoch FROM ahead)::bigint AS seconds
"""
_DEAD = "SELECT pid FROM pg_stat_activity WHERE (datname, application_name) = (current_database(), %s)"


class Database:
    """Made anew in each process: nothing is shared."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session: Any = None

    def query(self, statement: str, *values: object) -> list[Row]:
        self._session = self._session or _connected(self.url)
        with self._session.cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute(statement, values or None)
            return [dict(row) for row in cursor] if cursor.description else []

    def put_ahead(self, seconds: float) -> int:
        """By how much its clock is ahead then."""
        [clock] = self.query(_PUT_AHEAD, seconds)
        return int(clock["seconds"])

    def wait_for_the_dead(self) -> None:
        """Until the sessions of processes that were killed have ended, with their locks."""
        wait_until(lambda: not self.query(_DEAD, APPLICATION), "the dead's sessions to end", PATIENCE_SECONDS)

    def disconnect(self) -> None:
        """Until the next query; before this process is forked."""
        if self._session is not None:
            self._session.close()
            self._session = None


def execute(url: str, statements: str) -> None:
    with closing(_connected(url)) as session, session.cursor() as cursor:
        cursor.execute(statements)


def _connected(url: str) -> Any:
    session = psycopg2.connect(url, connect_timeout=PATIENCE_SECONDS)
    session.autocommit = True
    return session
