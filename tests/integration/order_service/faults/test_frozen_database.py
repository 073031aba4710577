"""PostgreSQL stands still (SIGSTOP): the API refuses at once, stays alive and stops in time."""

from functools import partial
from pathlib import Path

import httpx

from devstack.free_ports import find_free_ports
from tests.integration.order_service.shop import an_order_body
from tests.support.command_process import CommandProcess
from tests.support.databases import fresh_database
from tests.support.frozen_postgresql import a_server_to_freeze, frozen, held, status
from tests.support.service_databases import migrate_orders
from tests.support.waiting import wait_until


def test_api_refuses_stays_alive_recovers_and_stops_in_time(tmp_path: Path) -> None:
    [port] = find_free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with a_server_to_freeze() as server, fresh_database(server.url()) as name:
        database_url = server.url(database=name)
        migrate_orders(database_url)
        environment = {
            "DATABASE_URL": database_url, "HTTP_PORT": str(port), "HTTP_WORKERS": "1", "HTTP_THREADS": "4",
            "PAYMENT_GATEWAY": "in-process",
        }  # fmt: skip
        place = partial(httpx.post, f"{url}/api/v1/orders", json=an_order_body(), timeout=60, trust_env=False)
        with CommandProcess(["order-service", "api"], environment, tmp_path / "log") as api:
            wait_until(lambda: status(f"{url}/readyz") == 200, "the API to be ready")
            assert place().status_code == 201
            with frozen(server), held(place, count=4):
                assert status(f"{url}/healthz") == 200
                wait_until(lambda: "database_silent" in api.log_text(), "the breaker to open")
                refused = place()
                assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
            wait_until(lambda: place().status_code == 201, "the database to be asked again")
            with frozen(server), held(place, count=4):
                assert api.terminate(timeout_seconds=10) == 0
