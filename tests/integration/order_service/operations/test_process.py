"""The commands as real processes, with real signals."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import psycopg2

from devstack.free_ports import find_free_ports
from tests.integration.order_service.shop import a_payment_body, an_order_body
from tests.support.waiting import wait_until

COMMAND = str(Path(sys.executable).with_name("order-service"))
STOPPED_WITHIN_SECONDS = 10
CUSTOMERS = 4


def _environment(**variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], **variables}


@contextmanager
def a_process(command: str, log: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of one command; whatever is left of it is killed afterwards."""
    with log.open("ab") as output:
        process = subprocess.Popen([COMMAND, command], env=_environment(**variables), stderr=output)
    try:
        yield process
    finally:
        _kill(process)


def stopped(process: subprocess.Popen[bytes]) -> int:
    """Its status after SIGTERM."""
    process.send_signal(signal.SIGTERM)
    return process.wait(STOPPED_WITHIN_SECONDS)


@contextmanager
def an_api(database_url: str, port: int, log: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """The API, ready; whatever is left of it is killed afterwards."""
    variables = {
        "DATABASE_URL": database_url, "HTTP_PORT": str(port), "PAYMENT_GATEWAY": "in-process", **variables
    }  # fmt: skip
    with a_process("api", log, **variables) as api:
        url = f"http://127.0.0.1:{port}/readyz"
        wait_until(lambda: httpx.get(url).status_code == 200, "the API to be ready")
        yield api


def _kill(api: subprocess.Popen[bytes]) -> None:
    """kill -9, its workers as well."""
    try:
        workers = psutil.Process(api.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        workers = []
    api.kill()
    for worker in workers:
        worker.kill()
    psutil.wait_procs(workers, timeout=STOPPED_WITHIN_SECONDS)
    api.wait()


@dataclass
class Customers:
    """Some customers that place orders and pay for them, one after another, until they are stopped."""

    url: str
    placed: dict[str, str] = field(default_factory=dict)
    paid: set[str] = field(default_factory=set)
    strange: list[str] = field(default_factory=list)
    _leave: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def shopping(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._shop, args=(number,)) for number in range(CUSTOMERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._leave.set()
            for thread in threads:
                thread.join()

    def _shop(self, number: int) -> None:
        with httpx.Client(base_url=self.url, timeout=10) as client:
            for visit in itertools.count():
                if self._leave.is_set():
                    return
                try:
                    self._visit(client, f"{number}-{visit}")
                except httpx.TransportError:
                    # Stopped or killed: the client doesn't know what became of its request.
                    return

    def _visit(self, client: httpx.Client, key: str) -> None:
        reply = client.post(
            "/api/v1/orders", json=an_order_body(), headers={"Idempotency-Key": f"order-{key}"}
        )
        if not self._check(reply):
            return
        order_id = str(reply.json()["orderId"])
        self.placed[order_id] = f"payment-{key}"
        self.pay(client, order_id)

    def pay(self, client: httpx.Client, order_id: str) -> None:
        headers = {"Idempotency-Key": self.placed[order_id]}
        reply = client.post(
            f"/api/v1/orders/{order_id}/payments", json=a_payment_body(f"pay-{order_id}"), headers=headers
        )
        if self._check(reply):
            self.paid.add(order_id)

    def _check(self, reply: httpx.Response) -> bool:
        if reply.status_code != 201:
            self.strange.append(f"{reply.status_code} {reply.text}")
        return reply.status_code == 201


def _completed(database_url: str) -> tuple[set[str], list[str]]:
    """The orders that are completed, and those that have an event, once for each event."""
    connection = psycopg2.connect(database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT order_id::text FROM orders WHERE status = 'COMPLETED'")
            completed = {order_id for (order_id,) in cursor.fetchall()}
            cursor.execute("SELECT aggregateid FROM outbox")
            return completed, sorted(order_id for (order_id,) in cursor.fetchall())
    finally:
        connection.close()


def test_stopped_under_load_it_finishes_and_exits_0_within_10_s(
    order_database_url: str, tmp_path: Path
) -> None:
    [port] = find_free_ports(1)
    log = tmp_path / "log"
    customers = Customers(f"http://127.0.0.1:{port}")
    with an_api(order_database_url, port, log) as api, customers.shopping():
        wait_until(lambda: len(customers.paid) >= 20, "twenty payments")
        began = time.monotonic()
        api.send_signal(signal.SIGTERM)
        status = api.wait(STOPPED_WITHIN_SECONDS)
        assert time.monotonic() - began < STOPPED_WITHIN_SECONDS

    assert (status, customers.strange) == (0, []), log.read_text()
    completed, events = _completed(order_database_url)
    assert customers.paid <= completed
    assert events == sorted(completed)
    assert '"level": "error"' not in log.read_text()


def test_killed_under_load_every_payment_is_made_good_by_a_retry(
    order_database_url: str, tmp_path: Path
) -> None:
    [port] = find_free_ports(1)
    log = tmp_path / "log"
    customers = Customers(f"http://127.0.0.1:{port}")
    with an_api(order_database_url, port, log) as api, customers.shopping():
        wait_until(lambda: len(customers.paid) >= 20, "twenty payments")
        _kill(api)
    acknowledged = set(customers.paid)

    with an_api(order_database_url, port, log), httpx.Client(base_url=customers.url, timeout=10) as client:
        for order_id in customers.placed:
            customers.pay(client, order_id)

    assert customers.strange == []
    completed, events = _completed(order_database_url)
    assert acknowledged <= completed
    assert completed == customers.paid == set(customers.placed)
    assert events == sorted(completed)


def test_migrating_twice_is_as_good_as_once(database_url: str) -> None:
    for _ in range(2):
        migration = subprocess.run(
            [COMMAND, "migrate"], env=_environment(DATABASE_URL=database_url), capture_output=True, text=True
        )
        assert migration.returncode == 0, migration.stderr


SHARED_KEY = """
UPDATE alembic_version SET version_num = '0004' WHERE version_num > '0004';
DROP INDEX payment_live_payment_key;
WITH placed AS (
    INSERT INTO orders (
        order_id, user_id, currency, total_amount, recipient_name, recipient_phone, status, created_at
    )
    SELECT gen_random_uuid(), 7, 'KRW', 0, 'a', '010-1234-5678', 'PENDING_PAYMENT', now()
      FROM generate_series(1, 2)
    RETURNING order_id
)
INSERT INTO payment (
    payment_id, order_id, method, payment_key, amount, currency, status, attempt, requested_at
)
SELECT gen_random_uuid(), order_id, 'CARD', 'secret-key', 0, 'KRW', 'UNKNOWN', 1, now() FROM placed
RETURNING payment_id::text
"""


def test_the_migration_names_the_payments_that_share_a_payment_key(order_database_url: str) -> None:
    connection = psycopg2.connect(order_database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute(SHARED_KEY)
        payment_ids = [payment_id for (payment_id,) in cursor.fetchall()]
    migrate = [COMMAND, "migrate"]
    environment = _environment(DATABASE_URL=order_database_url)

    refused = subprocess.run(migrate, env=environment, capture_output=True, text=True)

    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith(
        "Error: payments with one paymentKey are live together ("
    )
    assert all(payment_id in refused.stderr for payment_id in payment_ids)
    assert "secret-key" not in refused.stderr
    assert "Traceback" not in refused.stderr
    with connection, connection.cursor() as cursor:
        # What the message asks for.
        cursor.execute(
            "UPDATE payment SET status = 'REFUND_DUE', approved_at = now() WHERE payment_id = %s",
            payment_ids[:1],
        )
    connection.close()
    assert subprocess.run(migrate, env=environment, check=False).returncode == 0


def test_every_missing_variable_is_named_in_one_message() -> None:
    api = subprocess.run([COMMAND, "api"], env=_environment(), capture_output=True, text=True)
    assert api.returncode == 2
    assert "DATABASE_URL" in api.stderr
    assert "PAYMENT_GATEWAY" in api.stderr
    assert "Traceback" not in api.stderr


def test_an_api_that_requires_the_catalogue_refuses_other_products(
    order_database_url: str, tmp_path: Path
) -> None:
    [port] = find_free_ports(1)
    with an_api(order_database_url, port, tmp_path / "log", REQUIRE_CATALOG_PRODUCTS="true"):
        reply = httpx.post(f"http://127.0.0.1:{port}/api/v1/orders", json=an_order_body(), timeout=10)
    assert (reply.status_code, reply.json()["type"]) == (422, "urn:problem:product-not-in-catalogue")
