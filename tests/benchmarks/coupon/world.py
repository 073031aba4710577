"""PostgreSQL and one API on it, fresh for each measurement."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psycopg2

from devstack.free_ports import find_free_ports
from devstack.postgresql import PostgresqlServer
from tests.benchmarks.coupon.processes import Process, a_process
from tests.support.databases import make_roles

API = {"HTTP_WORKERS": "2", "HTTP_THREADS": "16"}
"""As devstack starts the coupon API, and the same for every design."""

_LARGEST_STOCK = 10_000_000


@dataclass(frozen=True)
class Api:
    """``url`` answers; its log and what else it writes lie in ``directory``."""

    url: str
    process: Process
    database_url: str
    directory: Path


@contextmanager
def scratch() -> Iterator[Path]:
    with TemporaryDirectory(prefix="coupon-benchmark-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def a_database(directory: Path) -> Iterator[str]:
    """A durable PostgreSQL with its defaults; the URL of an empty database with the relay's role."""
    with PostgresqlServer(directory / "postgresql") as server:
        make_roles(server.url())
        yield server.url()


@contextmanager
def our_api(directory: Path, database_url: str) -> Iterator[Api]:
    """``coupon-service api`` on that database, which it migrates."""
    [port] = find_free_ports(1)
    environment = {**API, "DATABASE_URL": database_url, "HTTP_PORT": str(port), "OUTBOX_RELAY_ROLE": "outbox_relay"}
    with a_process(["coupon-service", "migrate"], environment, directory / "migrate.log") as migration:
        if migration.wait(60) != 0:
            raise ChildProcessError("coupon-service migrate failed")
    url = f"http://127.0.0.1:{port}"
    log = directory / "api.log"
    with a_process(["coupon-service", "api"], environment, log, f"{url}/readyz") as process:
        yield Api(url, process, database_url, directory)


@contextmanager
def a_design(name: str, directory: Path, **environment: str) -> Iterator[Api]:
    """A module of ``designs``, served with the same workers and threads."""
    [port] = find_free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = ["python", "-m", "tests.benchmarks.coupon.designs.serve", name]
    with a_process(
        command, {**API, "HTTP_PORT": str(port), **environment}, directory / f"{name}.log", f"{url}/healthz"
    ) as process:
        yield Api(url, process, environment.get("DATABASE_URL", ""), directory)


def create_coupon(url: str, *, stock: int = _LARGEST_STOCK) -> int:
    """Open now, for hours; its id."""
    now = datetime.now(UTC)
    body = {
        "name": "선착순",
        "totalQuantity": stock,
        "startsAt": (now - timedelta(hours=1)).isoformat(),
        "endsAt": (now + timedelta(hours=12)).isoformat(),
        "discount": {"type": "AMOUNT", "value": 5_000},
    }
    answer = httpx.post(f"{url}/api/v1/coupons", json=body, timeout=30, trust_env=False)
    return int(answer.raise_for_status().json()["couponId"])


def query(database_url: str, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """All rows of a statement in a transaction of its own."""
    connection = psycopg2.connect(database_url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()
