"""coupon-service's processes and the relay, as they are deployed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from devstack.free_ports import find_free_ports
from tests.benchmarks.coupon.processes import Service
from tests.support.databases import RELAY_ROLE

API = {"HTTP_WORKERS": "2", "HTTP_THREADS": "16"}
"""As devstack starts the coupon API, and the same for every design."""

LARGEST_STOCK = 10_000_000


def url_of(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def migration(directory: Path, database_url: str) -> Service:
    environment = {"DATABASE_URL": database_url, "OUTBOX_RELAY_ROLE": RELAY_ROLE}
    return Service(["coupon-service", "migrate"], environment, directory / "migrate.log")


def api(directory: Path, database_url: str, port: int) -> Service:
    environment = {**API, "DATABASE_URL": database_url, "HTTP_PORT": str(port)}
    return Service(["coupon-service", "api"], environment, directory / "api.log", f"{url_of(port)}/readyz")


def worker(directory: Path, database_url: str, bootstrap_servers: str, **environment: str) -> Service:
    [port] = find_free_ports(1)
    variables = {
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
        "ADMIN_PORT": str(port),
        **environment,
    }
    return Service(
        ["coupon-service", "worker"], variables, directory / "worker.log", f"{url_of(port)}/healthz"
    )


def relay(directory: Path, relay_url: str, bootstrap_servers: str) -> Service:
    [port] = find_free_ports(1)
    variables = {
        "SOURCES__COUPON__DATABASE_URL": relay_url,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
        "HTTP_PORT": str(port),
    }
    return Service(["outbox-relay", "run"], variables, directory / "relay.log", f"{url_of(port)}/healthz")


def create_coupon(url: str, *, stock: int = LARGEST_STOCK) -> int:
    """Open now and for hours; its id."""
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
