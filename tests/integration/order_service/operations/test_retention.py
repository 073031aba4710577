"""Idempotency keys go when no client can come back with them, and not before; so do handled dead letters."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from devstack.free_ports import find_free_ports
from order_service.persistence.retention import SqlRetention
from servicekit.db.retention import Retention, Sweep
from servicekit.lifecycle import StopSignal
from tests.integration.order_service.operations.test_process import a_process, stopped
from tests.integration.order_service.shop import Shop
from tests.support.explained import rows_read_by
from tests.support.waiting import wait_until

WEEK = timedelta(days=7)
NOTHING = {"idempotency_keys": 0, "handled_dead_letters": 0, "recipients": 0}
HALF_A_YEAR = timedelta(days=180)


def sweeps(keys: timedelta = WEEK, recipients: timedelta = HALF_A_YEAR) -> Mapping[str, Sweep]:
    return SqlRetention(idempotency_keys=keys, recipients=recipients).sweeps()


def run_retention(engine: Engine, batch_rows: int = 2) -> dict[str, int]:
    return Retention(engine, sweeps(), batch_rows).run_once(StopSignal())


def age_keys(shop: Shop, by: timedelta) -> None:
    shop.execute(
        f"UPDATE idempotency_key SET created_at = created_at - interval '{by.total_seconds()} seconds'"  # noqa: S608
    )


def test_a_key_replays_its_first_reply_until_its_time_is_over(shop: Shop) -> None:
    first = shop.place(key="k-1")
    age_keys(shop, WEEK - timedelta(hours=1))
    assert run_retention(shop.engine) == NOTHING
    again = shop.place(key="k-1")
    assert (again.status_code, again.get_json()) == (201, first.get_json())
    assert again.headers["Idempotent-Replayed"] == "true"

    age_keys(shop, timedelta(hours=2))

    assert run_retention(shop.engine) == NOTHING | {"idempotency_keys": 1}
    assert shop.place(key="k-1").get_json()["orderId"] != first.get_json()["orderId"]
    assert shop.count("orders") == 2


def test_a_payments_key_stays_while_its_payment_is_unsettled(shop: Shop) -> None:
    order_id = shop.placed()
    assert shop.pay(order_id, "silent-1", key="k-1").status_code == 504
    for number in range(5):
        shop.place(key=f"placed-{number}")
    age_keys(shop, 2 * WEEK)

    assert run_retention(shop.engine) == NOTHING | {"idempotency_keys": 5}
    # Its client comes back, and is not charged again.
    assert shop.pay(order_id, "silent-1", key="k-1").status_code == 201
    assert len(shop.gateway.charged) == 1

    assert run_retention(shop.engine) == NOTHING | {"idempotency_keys": 1}
    assert (shop.count("orders"), shop.count("payment")) == (6, 1)


def test_keys_that_another_process_removes_are_left_to_it(shop: Shop) -> None:
    for number in range(5):
        shop.place(key=f"k-{number}")
    age_keys(shop, 2 * WEEK)
    with shop.engine.connect() as other:
        assert sweeps()["idempotency_keys"](other, 2) == 2
        assert run_retention(shop.engine, batch_rows=10) == NOTHING | {"idempotency_keys": 3}
        other.commit()
    assert shop.count("idempotency_key") == 0


@pytest.mark.parametrize("kept", [WEEK, timedelta(days=10_000)], ids=["many are old", "none is old"])
def test_a_batch_reads_no_young_key(shop: Shop, kept: timedelta) -> None:
    shop.execute(
        "INSERT INTO idempotency_key (scope, key, fingerprint, reply, created_at)"
        " SELECT 's', number::text, 'f', '{}', clock_timestamp() - number * interval '1 minute'"
        " FROM generate_series(1, 20000) AS number"
    )
    shop.execute("ANALYZE idempotency_key")
    with shop.engine.connect() as connection:
        sweep = sweeps(keys=kept)["idempotency_keys"]
        assert rows_read_by(connection, sweep, 500, "idempotency_key") <= 2 * 500


def copy_events(shop: Shop, state: str) -> None:
    """As the relay does with events that Kafka refuses."""
    columns = "position, id, topic, aggregatetype, aggregateid, type, source, payload, created_at"
    shop.execute(
        f"INSERT INTO outbox_dead_letter ({columns}, state, kind, reason)"  # noqa: S608 - our own names
        f" SELECT {columns}, '{state}', 'too_large', 'x' FROM outbox"
    )


def test_copies_of_unpublished_events_go_when_handled_and_old(shop: Shop) -> None:
    """They hold the buyer's name and number."""
    for state in ("REPLAYED", "DISCARDED", "PARKED", "REPLAYING"):
        assert shop.pay(shop.placed(), f"paid-{state}").status_code == 201
        copy_events(shop, state)
        shop.execute("DELETE FROM outbox")
    shop.execute("UPDATE outbox_dead_letter SET changed_at = clock_timestamp() - interval '29 days'")
    assert run_retention(shop.engine) == NOTHING
    shop.execute("UPDATE outbox_dead_letter SET changed_at = clock_timestamp() - interval '31 days'")

    assert run_retention(shop.engine) == NOTHING | {"handled_dead_letters": 2}

    assert sorted(state for (state,) in shop.query("SELECT state FROM outbox_dead_letter")) == [
        "PARKED",
        "REPLAYING",
    ]


def test_copy_of_an_event_stays_while_the_outbox_has_it(shop: Shop) -> None:
    """Read again, a discarded event would be published."""
    assert shop.pay(shop.placed(), "paid-1").status_code == 201
    copy_events(shop, "DISCARDED")
    shop.execute("UPDATE outbox_dead_letter SET changed_at = '2000-01-01'")
    assert run_retention(shop.engine) == NOTHING


def test_the_worker_removes_old_keys_and_shows_it(
    shop: Shop, order_database_url: str, tmp_path: Path
) -> None:
    for number in range(3):
        shop.place(key=f"k-{number}")
    age_keys(shop, 2 * timedelta(hours=24))
    [port] = find_free_ports(1)
    variables = {"DATABASE_URL": order_database_url, "ADMIN_PORT": str(port), "PAYMENT_GATEWAY": "in-process"}
    variables["IDEMPOTENCY_KEY_RETENTION_HOURS"] = "24"
    metrics = f"http://127.0.0.1:{port}/metrics"
    with a_process("worker", tmp_path / "log", **variables) as worker:
        wait_until(lambda: shop.count("idempotency_key") == 0, "the keys to go")
        wait_until(
            lambda: 'retention_rows_removed_total{rows="idempotency_keys"} 3.0' in httpx.get(metrics).text,
            "the keys to be counted",
        )
        assert 'retention_seconds_since_success{rows="idempotency_keys"}' in httpx.get(metrics).text
        assert stopped(worker) == 0
