"""A stack's databases as an onlooker reads them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psutil
import psycopg2.errors
from psycopg2 import sql

from devstack.info import StackInfo
from tests.support.waiting import wait_until

_UNDECIDED = "SELECT count(*) FROM coupon_request WHERE status = 'ACCEPTED'"
_REQUESTS = "SELECT count(*) FROM coupon_request"
_UNPUBLISHED = """
SELECT count(*) FROM outbox, outbox_cursor
WHERE shard = mod(hashtextextended(aggregateid COLLATE "C", 0) & 2147483647, shards)
  AND NOT pg_visible_in_snapshot(xid, snapshot)
  AND (window_position IS NULL OR position > window_position)
"""
_PAID = "SELECT order_id::text FROM orders WHERE status = 'COMPLETED'"
_CLAIMED = """
SELECT event_id::text, claim_id::text FROM delivery WHERE effect = 'ALIMTALK' AND status = 'SENDING'
"""
_CLAIMED_AGAIN = """
SELECT event_id::text FROM delivery
WHERE effect = 'ALIMTALK' AND event_id = ANY(%s::uuid[]) AND attempts > 1
"""
_WAITING_FOR_TABLE = """
SELECT activity.pid, client_port FROM pg_stat_activity AS activity JOIN pg_locks AS locks USING (pid)
WHERE datname = current_database() AND NOT granted AND relation = %s::regclass
  AND clock_timestamp() - query_start < interval '1 second'
"""
_WRITING = """
SELECT DISTINCT activity.pid, client_port FROM pg_stat_activity AS activity JOIN pg_locks AS locks USING (pid)
WHERE datname = current_database() AND relation = ANY(%s::text[]::regclass[])
  AND mode IN ('RowShareLock', 'RowExclusiveLock')
"""
_COUNTED = "SELECT order_id::text FROM analytics_order"
_LOCK_NEWEST_COUPON = "SELECT 1 FROM coupon ORDER BY coupon_id DESC LIMIT 1 FOR UPDATE NOWAIT"
_END_OTHER_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
"""
_STATE = "SELECT state FROM pg_stat_activity WHERE pid = %s"


class StackDatabases:
    """Reads with a connection for each question, so that a restarted server is no matter."""

    def __init__(self, info: StackInfo) -> None:
        self._urls = info.postgresql.databases

    def rows(self, database: str, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self._connected(database) as connection, connection.cursor() as cursor:
            cursor.execute(query, parameters or None)
            return list(cursor.fetchall())

    def number(self, database: str, query: str, *parameters: object) -> int:
        return int(self.rows(database, query, *parameters)[0][0])

    def requests(self) -> int:
        """How many requests for coupons have been accepted, ever."""
        return self.number("coupon", _REQUESTS)

    def to_decide(self) -> int:
        """How many requests the relay has published and the worker has not decided (at least)."""
        return max(0, self.number("coupon", _UNDECIDED) - self.unpublished("coupon"))

    def unpublished(self, database: str) -> int:
        """How many events of this outbox the relay's cursor has not passed."""
        return self.number(database, _UNPUBLISHED)

    def paid_orders(self) -> set[str]:
        return {order_id for (order_id,) in self.rows("order", _PAID)}

    def claims(self) -> dict[str, str]:
        """By event, the claim on its message that a consumer holds; a consumer has one claim at a time."""
        return dict(self.rows("notification", _CLAIMED))

    def claimed_again(self, events: Iterable[str]) -> set[str]:
        """Those of ``events`` whose message has been claimed more than once."""
        return {event for (event,) in self.rows("notification", _CLAIMED_AGAIN, list(events))}

    def counted_orders(self) -> set[str]:
        """What analytics has counted."""
        return {order_id for (order_id,) in self.rows("notification", _COUNTED)}

    def sessions_waiting_for(self, table: str, database: str, process_id: int) -> list[int]:
        """The backends that serve this process and have just begun to wait for a lock on ``table``."""
        return _of_process(process_id, self.rows(database, _WAITING_FOR_TABLE, table))

    def sessions_writing(self, tables: Sequence[str], database: str, process_id: int) -> list[int]:
        """The backends that serve this process and have locks on rows of ``tables``, or wait for some."""
        return _of_process(process_id, self.rows(database, _WRITING, list(tables)))

    def newest_coupon_is_locked(self) -> bool:
        """Whether a worker is deciding requests for it, or waits to decide them."""
        try:
            self.rows("coupon", _LOCK_NEWEST_COUPON)
        except psycopg2.errors.LockNotAvailable:
            return True
        return False

    def session_state(self, database: str, backend: int) -> str | None:
        """What a backend is doing; None when it has ended."""
        found = self.rows(database, _STATE, backend)
        return str(found[0][0]) if found else None

    def settled_state(self, database: str, backend: int) -> str | None:
        """What a backend is doing once its statement has ended."""

        def settled() -> bool:
            return self.session_state(database, backend) != "active"

        wait_until(settled, "the statement to end")
        return self.session_state(database, backend)

    @contextmanager
    def read_only(self, database: str) -> Iterator[None]:
        """While the block lasts no session can write; its end reaches new sessions only."""
        name = sql.Identifier(database)
        self._run(database, sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        try:
            self._run(database, _END_OTHER_SESSIONS)
            yield
        finally:
            self._run(database, sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))

    def _run(self, database: str, statement: str | sql.Composed) -> None:
        with self._connected(database) as connection, connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
            cursor.execute(statement)

    @contextmanager
    def locked(self, database: str, table: str) -> Iterator[None]:
        """While the block lasts, other sessions can read ``table`` but not write it."""
        with self._connected(database, autocommit=False) as connection, connection.cursor() as cursor:
            cursor.execute(
                sql.SQL("LOCK TABLE {table} IN EXCLUSIVE MODE").format(table=sql.Identifier(table))
            )
            yield
            connection.rollback()

    @contextmanager
    def _connected(self, database: str, *, autocommit: bool = True) -> Iterator[Any]:
        connection = psycopg2.connect(self._urls[database], application_name="onlooker")
        try:
            connection.autocommit = autocommit
            yield connection
        finally:
            connection.close()


def _of_process(process_id: int, sessions: Iterable[tuple[int, int]]) -> list[int]:
    """Those backends, of (backend, client's port), whose client is this process."""
    ports = {connection.laddr.port for connection in psutil.Process(process_id).net_connections("tcp")}
    return [backend for backend, port in sessions if port in ports]
