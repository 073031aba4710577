"""order-service with a sandbox of its gateway, on servers of their own."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from devstack.free_ports import find_free_ports
from provider_sandbox.gateways.toss.account import SECRET_KEY
from tests.benchmarks.coupon.processes import Service, running
from tests.benchmarks.coupon.servers import a_postgresql, count, query, scratch
from tests.benchmarks.payments.load_client import Answers, Post, send
from tests.support.databases import RELAY_ROLE
from tests.support.waiting import wait_until

API = {"HTTP_WORKERS": "2", "HTTP_THREADS": "16"}
"""As devstack starts it."""

_CONNECTIONS = 32
_WARM_UP_PAYMENTS = 200
_PRICE = 15_000
_ORDER = json.dumps(
    {
        "userId": 7,
        "currency": "KRW",
        "items": [{"productId": "P-1", "quantity": 1, "unitPrice": _PRICE}],
        "recipient": {"name": "김하늘", "phone": "010-1234-5678"},
    }
)
_PENDING = "SELECT order_id FROM orders WHERE status = 'PENDING_PAYMENT' ORDER BY order_id"
_UNSETTLED = "SELECT count(*) FROM payment WHERE status IN ('REQUESTED', 'UNKNOWN')"


@dataclass(frozen=True)
class World:
    """What a measurement acts on and asks."""

    directory: Path
    url: str
    gateway_url: str
    database_url: str
    worker: Service

    def control(self, **controls: Any) -> None:
        """Set the sandbox's controls of Toss; the others go back to their defaults."""
        body = {"toss": {"opensUnknown": True, **controls}}
        httpx.put(f"{self.gateway_url}/controls", json=body, timeout=30, trust_env=False).raise_for_status()

    def placed(self, number: int) -> list[str]:
        """The ids of so many new orders."""
        posts = [Post("/api/v1/orders", _ORDER)] * number
        send(self.directory, self.url, posts, connections=_CONNECTIONS).check(httpx.codes.CREATED)
        return [str(order_id) for (order_id,) in query(self.database_url, _PENDING)[-number:]]

    def pay(self, order_ids: Sequence[str], *, connections: int, rate: float = 0) -> Answers:
        return send(self.directory, self.url, map(payment, order_ids), connections=connections, rate=rate)

    def unsettled(self) -> int:
        return count(self.database_url, _UNSETTLED)

    def settle(self, seconds: float) -> None:
        """Waits until the worker has nothing left. Raises AssertionError if that takes too long."""
        wait_until(lambda: self.unsettled() == 0, "all payments to be settled", seconds)


def payment(order_id: str) -> Post:
    """Of an order, in full, under the key that the sandbox opens it with."""
    body = json.dumps({"method": "CARD", "paymentKey": f"key-{order_id}", "amount": _PRICE})
    return Post(f"/api/v1/orders/{order_id}/payments", body, key=f"pay-{order_id}")


@contextmanager
def a_world(latency_ms: int, **environment: str) -> Iterator[World]:
    """Warm, with all payments settled. The worker is ready to be started."""
    with scratch() as directory, a_postgresql(directory) as database:
        api_port, worker_port, gateway_port = find_free_ports(3)
        gateway_url = f"http://127.0.0.1:{gateway_port}"
        url = f"http://127.0.0.1:{api_port}"
        variables = {
            "DATABASE_URL": database,
            "PAYMENT_GATEWAY": "toss",
            "TOSS_SECRET_KEY": SECRET_KEY,
            "TOSS_URL": f"{gateway_url}/gateways/toss",
            **environment,
        }
        migration = {"DATABASE_URL": database, "OUTBOX_RELAY_ROLE": RELAY_ROLE}
        Service(["order-service", "migrate"], migration, directory / "migrate.log").run()
        gateway = Service(
            ["provider-sandbox", "gateway"],
            {
                "HTTP_PORT": str(gateway_port),
                "HTTP_THREADS": "64",
                "SANDBOX_DATABASE_PATH": str(directory / "gateway.sqlite"),
            },
            directory / "gateway.log", f"{gateway_url}/readyz",
        )  # fmt: skip
        api = Service(
            ["order-service", "api"], {**variables, **API, "HTTP_PORT": str(api_port)},
            directory / "api.log", f"{url}/readyz",
        )  # fmt: skip
        worker = Service(
            ["order-service", "worker"], {**variables, "ADMIN_PORT": str(worker_port)},
            directory / "worker.log", f"http://127.0.0.1:{worker_port}/healthz",
        )  # fmt: skip
        with running(gateway, api):
            world = World(directory, url, gateway_url, database, worker)
            world.control(latencyMs=latency_ms)
            world.pay(world.placed(_WARM_UP_PAYMENTS), connections=_CONNECTIONS).check(httpx.codes.CREATED)
            try:
                yield world
            finally:
                worker.stop()
