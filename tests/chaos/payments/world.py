"""What surrounds a run: a database and a gateway with one clock, which is set."""

from collections.abc import Mapping
from contextlib import closing
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import httpx
import psycopg2
from psycopg2.extras import RealDictCursor

from provider_sandbox.config import GatewaySettings
from provider_sandbox.gateways.main import serving
from tests.chaos.payments.forked import Say
from tests.support.gateway_sandbox import GatewaySandbox
from tests.support.waiting import wait_until

APPLICATION = "crash-matrix"
PRODUCT_ID, PIECES, STOCK = "P-1", 2, 10
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
_CLEAR = """
DELETE FROM outbox; DELETE FROM idempotency_key; DELETE FROM payment_hint; DELETE FROM refund;
DELETE FROM payment; DELETE FROM order_item; DELETE FROM orders; DELETE FROM product;
INSERT INTO product (product_id, name, unit_price, currency, stock, created_at)
VALUES (%s, '사과', 15000, 'KRW', %s, now());
UPDATE clock SET ahead = '0'
"""
_PUT_AHEAD = """
UPDATE clock SET ahead = ahead + make_interval(secs => %s)
RETURNING extract(epoch FROM ahead)::bigint AS seconds
"""
_DEAD = "SELECT pid FROM pg_stat_activity WHERE (datname, application_name) = (current_database(), %s)"


class World:
    """Made anew in each process: nothing is shared."""

    def __init__(self, database_url: str, sandbox_url: str) -> None:
        self.database_url = database_url
        # Without TLS, whose certificates take long to load.
        http = httpx.Client(base_url=sandbox_url, timeout=PATIENCE_SECONDS, trust_env=False, verify=False)  # noqa: S501
        self.sandbox = GatewaySandbox(sandbox_url, http)
        self._session: Any = None

    def begin_anew(self, gateway: str, controls: Mapping[str, Any]) -> None:
        """Nothing is left of earlier runs."""
        self.wait_for_the_dead()
        self.query(_CLEAR, PRODUCT_ID, STOCK)
        self.sandbox.reset()
        self.sandbox.control(**{gateway: dict(controls)})

    def wait_for_the_dead(self) -> None:
        """Until the sessions of processes that were killed have ended, with their locks."""
        wait_until(lambda: not self.query(_DEAD, APPLICATION), "the dead's sessions to end", PATIENCE_SECONDS)

    def pass_time(self, seconds: float) -> None:
        """Put all clocks ahead. By then the gateway has done what it was asked for by clients that left."""
        controls = self.sandbox.http.get("/controls").raise_for_status().json()
        # Ends pauses; the counts that are left stay.
        self.sandbox.control(toss=controls["toss"], portone=controls["portone"])
        wait_until(self._gateway_is_idle, "the gateway to be idle", PATIENCE_SECONDS)
        [clock] = self.query(_PUT_AHEAD, seconds)
        self.sandbox.control(clock={"aheadMs": clock["seconds"] * 1000})

    def sell_out(self) -> None:
        """To others, what wasn't taken for the order: too little for it is left."""
        self.query("UPDATE product SET stock = %s WHERE stock = %s", PIECES - 1, STOCK)

    def query(self, statement: str, *values: object) -> list[Row]:
        self._session = self._session or _connected(self.database_url)
        with self._session.cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute(statement, values or None)
            return [dict(row) for row in cursor] if cursor.description else []

    def disconnect(self) -> None:
        """Until the next query; before this process is forked."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _gateway_is_idle(self) -> bool:
        requests = self.sandbox.http.get("/records/requests").raise_for_status().json()["requests"]
        return not any(each["status"] is None and "time-out" in str(each["fault"]) for each in requests)


def execute(url: str, statements: str) -> None:
    with closing(_connected(url)) as session, session.cursor() as cursor:
        cursor.execute(statements)


def _connected(url: str) -> Any:
    session = psycopg2.connect(url, connect_timeout=PATIENCE_SECONDS)
    session.autocommit = True
    return session


def serve_gateways(path: Path, say: Say) -> None:
    """As long as the process lives that this one was forked from. Says their URL."""
    parent = parent_process()
    with serving(GatewaySettings(http_port=0, sandbox_database_path=path)) as port:
        say(f"http://127.0.0.1:{port}")
        if parent is not None:
            parent.join()
