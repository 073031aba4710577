"""A coupon service whose tables have grown for months."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2
from sqlalchemy import Engine

from devstack.postgresql import PostgresqlServer
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from tests.support.databases import fresh_database, make_roles
from tests.support.service_databases import migrate_coupons

_COUPON = """
    INSERT INTO coupon (name, total_quantity, issued_quantity, decided_count, starts_at, ends_at,
                        discount_type, discount_value, created_at)
    VALUES ('benchmark', 1, 0, 0, now(), now() + interval '1 day', 'AMOUNT', 1, now())
"""
# Ids in the order of time, as UUIDv7 are. All rows are two years to nothing old.
_ROWS = """
    SELECT CAST(lpad(to_hex(number), 32, '0') AS uuid) AS id, number,
           now() - interval '2 years' * (1 - number::float8 / {rows}) AS at
      FROM generate_series(1, {rows}) AS number
"""
_FILL = {
    "idempotency_key": "(scope, key, fingerprint, reply, created_at)"
    " SELECT 'POST users/' || number, id, md5(id::text), jsonb_build_object('requestId', id), at",
    "coupon_request": "(request_id, coupon_id, user_id, status, reason, decision_number, requested_at,"
    " decided_at) SELECT id, 1, number, 'REJECTED', 'SOLD_OUT', number, at, at",
    "inbox": "(consumer_group, event_id, received_at) SELECT 'coupon-consumer-group', id, at",
    "user_coupon_change": "(user_coupon_id, change_number, kind, actor, changed_at)"
    " SELECT number, 1, 'EXPIRED', 'time', at",
}
SWEPT = ("idempotency_keys", "requests", "inbox", "user_coupon_changes")
"""The sweeps of these tables."""


@contextmanager
def a_grown_service(rows: int) -> Iterator[Engine]:
    """On a durable PostgreSQL of its own, with so many rows in each table that retention sweeps."""
    with (
        TemporaryDirectory(prefix="retention-benchmark-", ignore_cleanup_errors=True) as name,
        PostgresqlServer(Path(name) / "postgresql") as postgresql,
    ):
        make_roles(postgresql.url())
        with fresh_database(postgresql.url()) as database:
            url = postgresql.url(database)
            migrate_coupons(url)
            _fill(url, rows)
            engine = create_engine(DatabaseSettings(database_url=url), "retention-benchmark")
            yield engine
            engine.dispose()


def _fill(url: str, rows: int) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(_COUPON)
        # Changes without their users' coupons.
        cursor.execute("SET session_replication_role = replica")
        for table, columns in _FILL.items():
            cursor.execute(f"INSERT INTO {table} {columns} FROM ({_ROWS.format(rows=rows)}) AS filled")
            # As autovacuum would have done since.
            cursor.execute(f"VACUUM (ANALYZE) {table}")
        cursor.execute("CHECKPOINT")
    connection.close()
