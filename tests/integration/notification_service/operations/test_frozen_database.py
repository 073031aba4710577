"""PostgreSQL stands still (SIGSTOP) while a consumer works: it stays alive and stops in time."""

from pathlib import Path

from sqlalchemy import create_engine, make_url

from devstack.free_ports import find_free_ports
from notification_service.migrations import SCHEMA
from servicekit.db.migrations import upgrade
from tests.integration.notification_service.consumer_deployment import ConsumerDeployment
from tests.support.databases import fresh_database
from tests.support.frozen_postgresql import a_server_to_freeze, frozen, status
from tests.support.notification_events import an_event
from tests.support.sandbox import Sandbox


def test_consumer_stays_alive_and_stops_in_time(
    order_completed: str, own_sandbox: Sandbox, tmp_path: Path
) -> None:
    [port] = find_free_ports(1)
    with a_server_to_freeze() as server, fresh_database(server.url()) as name:
        url = server.url(database=name)
        upgrade(url, SCHEMA)
        engine = create_engine(make_url(url).set(drivername="postgresql+psycopg2"))
        with ConsumerDeployment(engine, order_completed, own_sandbox, tmp_path) as deployment:
            consumer = deployment.start_consumer(ADMIN_PORT=str(port))
            deployment.produce([an_event()])
            deployment.wait_for("ANALYTICS", delivered=1)
            with frozen(server):
                deployment.produce([an_event()])
                consumer.logged("batch_postponed")
                assert status(f"http://127.0.0.1:{port}/healthz") == 200
                assert consumer.terminate(timeout_seconds=10) == 0
        engine.dispose()
