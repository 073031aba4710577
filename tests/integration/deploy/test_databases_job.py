"""The compose file's job that makes roles and databases, run as a managed server's administrator would."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import yaml

from devstack.postgresql import PostgresqlServer
from devstack.postgresql_programs import PostgresqlPrograms
from devstack.repository import POSTGRES_DATA, ROOT
from tests.support.servers import a_postgresql_server

PASSWORDS = {
    "COUPON_DATABASE_PASSWORD": "of coupons",
    "ORDER_DATABASE_PASSWORD": "of-orders",
    "NOTIFICATION_DATABASE_PASSWORD": "it's 'quoted'",
    "OUTBOX_RELAY_DATABASE_PASSWORD": "of-the-relay",
}
OWNERS = {"coupon": "coupon_service", "order": "order_service", "notification": "notification_service"}
ADMINISTRATOR = "administrator"


@pytest.fixture
def server(server_directory: Path, unique: str) -> Iterator[PostgresqlServer]:
    """A server whose administrator is no superuser."""
    with a_postgresql_server(server_directory / unique) as server:
        with closing(psycopg2.connect(server.url())) as connection:
            connection.autocommit = True
            connection.cursor().execute(
                f"CREATE ROLE {ADMINISTRATOR} LOGIN CREATEDB CREATEROLE PASSWORD '{ADMINISTRATOR}'"
            )
        yield server


def test_administrator_without_superuser_can_make_everything_twice(
    server: PostgresqlServer,
) -> None:
    for _ in range(2):
        completed = run_job(server, PASSWORDS)
        assert completed.returncode == 0, completed.stderr
    for database, owner in OWNERS.items():
        password = PASSWORDS[f"{database.upper()}_DATABASE_PASSWORD"]
        with closing(psycopg2.connect(server.url(database, owner, password))) as connection:
            connection.cursor().execute("CREATE TABLE something (number integer)")
    for role, word in (("outbox_relay", "OUTBOX_RELAY"), ("coupon_service", "COUPON")):
        password = PASSWORDS[f"{word}_DATABASE_PASSWORD"]
        psycopg2.connect(server.url("coupon", role, password)).close()
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(server.url("coupon", role, role))
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(server.url("order", "coupon_service", PASSWORDS["COUPON_DATABASE_PASSWORD"]))


def test_role_without_a_password_accepts_no_login(server: PostgresqlServer) -> None:
    completed = run_job(server, {name: value for name, value in PASSWORDS.items() if "RELAY" not in name})
    assert completed.returncode == 0, completed.stderr
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(server.url("coupon", "outbox_relay", "outbox_relay"))


def run_job(server: PostgresqlServer, passwords: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """What the container runs, with this machine's psql and files."""
    job = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["databases"]
    program, *options = job["entrypoint"]
    arguments = [argument.replace("/sql/", f"{POSTGRES_DATA}/") for argument in job["command"]]
    environment = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "PGUSER": ADMINISTRATOR,
        "PGPASSWORD": ADMINISTRATOR,
        "PGDATABASE": "postgres",
        **passwords,
    }
    return subprocess.run(
        [PostgresqlPrograms().program(program), *options, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
