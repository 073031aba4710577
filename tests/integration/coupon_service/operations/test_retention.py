"""Old keys, events, rejected requests and history go; nobody's coupon does, nothing is decided again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from coupon_service.domain.reconciling import DifferenceKind
from coupon_service.messaging.incoming_coupon_publish_requested import CONSUMER_GROUP, CouponPublishRequested
from coupon_service.messaging.outgoing_coupon_publish_requested import COUPON_PUBLISH_REQUESTED
from coupon_service.persistence.retention import SqlRetention
from coupon_service.persistence.stored_facts import SqlStoredFacts
from devstack.free_ports import find_free_ports
from servicekit.db.retention import Retention
from servicekit.identifiers import uuid7
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.lives import act, history, issued, operate, release, reserve, succeed
from tests.integration.coupon_service.operations.test_processes import a_process, stop
from tests.integration.coupon_service.order_events import complete, order_completed
from tests.integration.coupon_service.service import (
    a_handler,
    accepted,
    count,
    create_coupon,
    press,
    published_events,
    request_of,
    rows,
)
from tests.support.explained import rows_read_by
from tests.support.waiting import wait_until

AGES = {
    "idempotency_keys": timedelta(days=7),
    "requests": timedelta(days=365),
    "inbox_events": timedelta(days=30),
    "history": timedelta(days=730),
}
WITHOUT_TRIGGERS = "SET LOCAL session_replication_role = replica"
NOTHING_IS_OLD = dict.fromkeys(AGES, timedelta(days=10_000))


def run_retention(engine: Engine, batch_rows: int = 2) -> dict[str, int]:
    """What was removed."""
    removed = Retention(engine, SqlRetention(**AGES).sweeps(), batch_rows).run_once(StopSignal())
    return {name: number for name, number in removed.items() if number}


def age(engine: Engine, days: float) -> None:
    """Make everything that is stored ``days`` older."""
    with engine.begin() as connection:
        for statement in (
            WITHOUT_TRIGGERS,
            "UPDATE idempotency_key SET created_at = created_at - :age",
            "UPDATE inbox SET received_at = received_at - :age",
            "UPDATE coupon_request SET requested_at = requested_at - :age, decided_at = decided_at - :age",
            "UPDATE user_coupon SET issued_at = issued_at - :age",
            "UPDATE user_coupon_change SET changed_at = changed_at - :age",
            "UPDATE coupon_change SET changed_at = changed_at - :age",
            "UPDATE coupon_order SET completed_at = completed_at - :age, cancelled_at = cancelled_at - :age",
            "UPDATE order_difference SET settled_at = settled_at - :age",
        ):
            connection.execute(text(statement), {"age": timedelta(days=days)})


@pytest.fixture
def events(client: FlaskClient, engine: Engine) -> list[CouponPublishRequested]:
    """Of three users and one coupon that is left, all decided."""
    coupon_id = create_coupon(client, totalQuantity=1)
    for user_id in (1, 2, 3):
        accepted(client, user_id, coupon_id)
    events = published_events(engine)
    a_handler(engine).handle(events)
    return events


def test_each_kind_of_rows_goes_after_its_own_time(
    client: FlaskClient, engine: Engine, events: list[CouponPublishRequested]
) -> None:
    first = press(client, 4, events[0].coupon_id, key="k-1")
    removed = []
    for days in (6, 2, 21, 2, 333, 2):
        age(engine, days)
        removed.append(run_retention(engine))

    assert removed == [{}, {"idempotency_keys": 1}, {}, {"inbox": 3}, {}, {"requests": 2}]
    # The one that was issued, and the one that is not decided.
    assert sorted(row.status for row in rows(engine, "SELECT status FROM coupon_request")) == [
        "ACCEPTED",
        "ISSUED",
    ]
    assert request_of(client, first.get_json()["requestId"])["status"] == "ACCEPTED"
    assert count(engine, "user_coupon") == 1


def test_a_key_gives_its_first_202_again_until_it_goes(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client)
    first = press(client, 1, coupon_id, key="k-1")
    age(engine, 6.9)
    run_retention(engine)

    again = press(client, 1, coupon_id, key="k-1")

    assert (again.status_code, again.get_json()) == (202, first.get_json())
    assert count(engine, "coupon_request") == 1


def test_events_that_come_again_after_all_is_forgotten_decide_nothing(
    engine: Engine, events: list[CouponPublishRequested]
) -> None:
    age(engine, 366)
    assert run_retention(engine) == {"requests": 2, "inbox": 3}
    before = rows(engine, "SELECT issued_quantity, decided_count FROM coupon")

    verdicts = a_handler(engine).handle(events)

    assert rows(engine, "SELECT issued_quantity, decided_count FROM coupon") == before
    assert count(engine, "user_coupon") == 1
    # Those of the removed requests become dead letters.
    assert len(verdicts) == 2


def test_requests_that_another_process_removes_are_left_to_it(
    engine: Engine, events: list[CouponPublishRequested]
) -> None:
    age(engine, 366)
    with engine.connect() as other:
        assert SqlRetention(**AGES).sweeps()["requests"](other, 1) == 1
        assert run_retention(engine, batch_rows=10) == {"requests": 1, "inbox": 3}
        other.commit()
    assert count(engine, "coupon_request") == 1


def differences(engine: Engine) -> list[tuple[DifferenceKind, object]]:
    """What reconciliation says of users' coupons and orders."""
    facts = SqlStoredFacts(engine, topic=COUPON_PUBLISH_REQUESTED.topic, consumer_group=CONSUMER_GROUP)
    return [found for pages in (facts.user_coupons(), facts.orders()) for _, page in pages for found in page]


def test_old_history_goes_and_what_users_hold_stays(client: FlaskClient, engine: Engine) -> None:
    used, held = issued(client, engine), issued(client, engine)
    orders, now = [uuid7() for _ in range(4)], datetime.now(UTC).isoformat()
    succeed(operate(client, 1, "pause"))
    succeed(reserve(client, held, orders[3]))
    succeed(release(client, held, orders[3]))
    # The second and the third find it used, which an operator settles for one of them.
    assert complete(engine, *(order_completed(order, used, occurredAt=now) for order in orders[:3])) == {}
    settle = "UPDATE order_difference SET settled_at = now(), settled_by = 'kim', settled_reason = 'borne'"
    with engine.begin() as connection:
        connection.execute(text(f"{settle} WHERE order_id = :order_id"), {"order_id": orders[1]})
    age(engine, 729)
    assert not {"user_coupon_changes", "coupon_changes", "coupon_orders"} & run_retention(engine).keys()

    age(engine, 2)

    # Of the used one its use; of the other its reservation and release.
    assert run_retention(engine) == {
        "user_coupon_changes": 3,
        "coupon_changes": 1,
        "order_differences": 1,
        "coupon_orders": 2,
    }
    assert [row.status for row in rows(engine, "SELECT status FROM user_coupon ORDER BY user_coupon_id")] == [
        "USED",
        "ISSUED",
    ]
    assert history(client, f"user-coupons/{used}") == []
    # The order whose difference is still open.
    assert [row.order_id for row in rows(engine, "SELECT order_id FROM coupon_order")] == [orders[2]]
    assert differences(engine) == []


def test_an_order_whose_difference_went_first_is_no_difference(client: FlaskClient, engine: Engine) -> None:
    used, orders, now = issued(client, engine), [uuid7() for _ in range(2)], datetime.now(UTC).isoformat()
    # The second finds it used.
    assert complete(engine, *(order_completed(order, used, occurredAt=now) for order in orders)) == {}
    settle = "UPDATE order_difference SET settled_at = now(), settled_by = 'kim', settled_reason = 'borne'"
    set_reason = text("UPDATE order_difference SET reason = :reason")
    with engine.begin() as connection:
        connection.execute(text(settle))
    age(engine, 731)
    with engine.begin() as connection:
        connection.execute(set_reason, {"reason": "ANOTHER_AMOUNT"})
    # While its difference is known, its age excuses nothing.
    assert differences(engine) == [(DifferenceKind.ORDER_DISAGREES, orders[1])]
    with engine.begin() as connection:
        connection.execute(set_reason, {"reason": "USED_BY_ANOTHER_ORDER"})
        # As where retention ends between the two.
        assert SqlRetention(**AGES).sweeps()["order_differences"](connection, 10) == 1

    assert differences(engine) == []


def test_a_change_that_is_missing_behind_others_is_a_difference_at_any_age(
    client: FlaskClient, engine: Engine
) -> None:
    held, order_id = issued(client, engine), uuid7()
    succeed(reserve(client, held, order_id))
    succeed(release(client, held, order_id))
    succeed(act(client, held, "give-back", userId=7))
    age(engine, 731)
    assert differences(engine) == []
    for kind, is_difference in (("RESERVED", False), ("GIVEN_BACK", True)):
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM user_coupon_change WHERE kind = :kind"), {"kind": kind})
        found = [(DifferenceKind.HISTORY_DISAGREES, held)] if is_difference else []
        assert differences(engine) == found


FILL = {
    "idempotency_key": """
        INSERT INTO idempotency_key (scope, key, fingerprint, created_at)
        SELECT 's', number::text, 'f', clock_timestamp() - number * interval '1 hour'
          FROM generate_series(1, 20000) AS number""",
    "coupon_request": """
        INSERT INTO coupon_request
            (request_id, coupon_id, user_id, status, reason, decision_number, requested_at, decided_at)
        SELECT gen_random_uuid(), 1, number, 'REJECTED', 'SOLD_OUT', number,
               clock_timestamp(), clock_timestamp() - number * interval '1 hour'
          FROM generate_series(1, 20000) AS number""",
    "inbox": """
        INSERT INTO inbox (consumer_group, event_id, received_at)
        SELECT 'g', gen_random_uuid(), clock_timestamp() - number * interval '1 hour'
          FROM generate_series(1, 20000) AS number""",
    "user_coupon_change": """
        INSERT INTO user_coupon_change (user_coupon_id, change_number, kind, actor, changed_at)
        SELECT number, 1, 'EXPIRED', 'time', clock_timestamp() - number * interval '1 hour'
          FROM generate_series(1, 20000) AS number""",
    "coupon_change": """
        INSERT INTO coupon_change (coupon_id, kind, actor, reason, changed_at)
        SELECT number, 'PAUSED', 'kim', 'late', clock_timestamp() - number * interval '1 hour'
          FROM generate_series(1, 20000) AS number""",
    "coupon_order": """
        INSERT INTO coupon_order
            (order_id, user_id, user_coupon_id, currency, discount_amount, completed_at)
        SELECT gen_random_uuid(), 1, number, 'KRW', 0, clock_timestamp() - number * interval '1 hour'
          FROM generate_series(1, 20000) AS number""",
    "order_difference": """
        INSERT INTO order_difference
            (order_id, reason, found_at, settled_at, settled_by, settled_reason)
        SELECT gen_random_uuid(), 'REVOKED', now(), clock_timestamp() - number * interval '1 hour',
               'kim', 'borne'
          FROM generate_series(1, 20000) AS number""",
}
SWEEPS = {
    "idempotency_key": "idempotency_keys",
    "coupon_request": "requests",
    "inbox": "inbox",
    "user_coupon_change": "user_coupon_changes",
    "coupon_change": "coupon_changes",
    "coupon_order": "coupon_orders",
    "order_difference": "order_differences",
}


@pytest.mark.parametrize("table", FILL)
@pytest.mark.parametrize("age", [AGES, NOTHING_IS_OLD], ids=["many are old", "none is old"])
def test_a_batch_reads_no_young_row(engine: Engine, table: str, age: dict[str, timedelta]) -> None:
    with engine.begin() as connection:
        connection.execute(text(WITHOUT_TRIGGERS))
        connection.execute(text(FILL[table]))
        connection.execute(text(f"ANALYZE {table}"))
    with engine.connect() as connection:
        assert rows_read_by(connection, SqlRetention(**age).sweeps()[SWEEPS[table]], 500, table) <= 2 * 500


ISSUE = """
    WITH issued AS (
        INSERT INTO coupon_request
            (request_id, coupon_id, user_id, status, decision_number, issue_number, requested_at, decided_at)
        SELECT gen_random_uuid(), coupon_id, 10 + number, 'ISSUED', 10 + number, 10 + number, now(), now()
          FROM coupon, generate_series(1, 5000) AS number
        RETURNING *)
    INSERT INTO user_coupon (coupon_id, user_id, request_id, issue_number, issued_at)
    SELECT coupon_id, user_id, request_id, issue_number, decided_at FROM issued
"""


@pytest.mark.usefixtures("events")
def test_removing_requests_does_not_search_through_users_coupons(engine: Engine) -> None:
    age(engine, 366)
    with engine.begin() as connection:
        connection.execute(text(ISSUE))
    # The foreign key's own look-ups are in no plan.
    read = text("SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'user_coupon'")
    with engine.begin() as connection:
        before = connection.execute(read).scalar_one()
        assert SqlRetention(**AGES).sweeps()["requests"](connection, 10) == 2
        assert connection.execute(read).scalar_one() == before


def test_the_worker_removes_old_rows_and_shows_it(
    client: FlaskClient, engine: Engine, coupon_database_url: str, shop_topics: str, tmp_path: Path
) -> None:
    press(client, 1, create_coupon(client), key="k-1")
    age(engine, 8)
    [port] = find_free_ports(1)
    variables = {
        "DATABASE_URL": coupon_database_url,
        "KAFKA_BOOTSTRAP_SERVERS": shop_topics,
        "ADMIN_PORT": str(port),
    }
    metrics = f"http://127.0.0.1:{port}/metrics"
    log = tmp_path / "log"
    with a_process("worker", log, **variables) as worker:
        wait_until(lambda: count(engine, "idempotency_key") == 0, "the key to go")
        wait_until(
            lambda: 'retention_rows_removed_total{rows="idempotency_keys"} 1.0' in httpx.get(metrics).text,
            "the key to be counted",
        )
        assert stop(worker) == 0, log.read_text()
