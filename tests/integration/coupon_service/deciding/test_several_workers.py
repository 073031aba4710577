"""Three workers share the partitions, and one of them is killed; a hot coupon beside one that is not."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from coupon_service.messaging.incoming_coupon_publish_requested import CONSUMER_GROUP
from coupon_service.messaging.outgoing_coupon_publish_requested import COUPON_PUBLISH_REQUESTED
from servicekit.rfc3339 import format_rfc3339
from tests.integration.coupon_service.service import create_coupon, held, rows, waiting_sessions
from tests.support.command_process import CommandProcess
from tests.support.consumer_groups import wait_until_settled
from tests.support.topics import PARTITIONS, produce
from tests.support.waiting import wait_until

TOPIC = COUPON_PUBLISH_REQUESTED.topic
STOCK, USERS = 40, 100
FETCH_BYTES = 2**20
"""Of one partition: kafka-python's default."""

STORE = """
    INSERT INTO coupon_request (request_id, coupon_id, user_id, status, requested_at)
    SELECT gen_random_uuid(), :coupon_id, user_id, 'ACCEPTED', clock_timestamp()
      FROM generate_series(1, :users) AS user_id
    RETURNING request_id, user_id, requested_at, gen_random_uuid() AS event_id
"""

Record = tuple[bytes | None, bytes | None]


def stored_records(engine: Engine, coupon_id: int, users: int) -> list[Record]:
    """The records of requests by users 1, 2, 3, …, in this order."""
    with engine.begin() as connection:
        stored = connection.execute(text(STORE), {"coupon_id": coupon_id, "users": users}).all()
    return [
        (
            str(coupon_id).encode(),
            json.dumps(
                {
                    "eventId": str(row.event_id),
                    "eventType": COUPON_PUBLISH_REQUESTED.name,
                    "version": COUPON_PUBLISH_REQUESTED.version,
                    "occurredAt": format_rfc3339(row.requested_at),
                    "requestId": str(row.request_id),
                    "userId": row.user_id,
                    "couponId": coupon_id,
                }
            ).encode(),
        )
        for row in stored
    ]


def decided(engine: Engine, coupon_id: int) -> list[tuple[int, str, int]]:
    """User, outcome and decision number, in the order of decision."""
    statement = (
        "SELECT user_id, coalesce(reason, status) AS outcome, decision_number FROM coupon_request"  # noqa: S608
        f" WHERE coupon_id = {coupon_id} AND decided_at IS NOT NULL ORDER BY decision_number"
    )
    return [(row.user_id, row.outcome, row.decision_number) for row in rows(engine, statement)]


@contextmanager
def workers(number: int, scratch: Path, **variables: str) -> Iterator[list[CommandProcess]]:
    with ExitStack() as stack:
        processes = [
            CommandProcess(["coupon-service", "worker"], variables, scratch / f"worker-{place}.log")
            for place in range(number)
        ]
        for process in processes:
            stack.callback(process.kill)
            process.start()
        yield processes


def owner_of(processes: list[CommandProcess], partition: int) -> CommandProcess:
    def assigned(process: CommandProcess) -> list[int]:
        lines = [
            line
            for line in process.log_lines()
            if line["event"] == "partitions_assigned" and line["topic"] == TOPIC
        ]
        return list(lines[-1]["partitions"]) if lines else []

    [owner] = [process for process in processes if partition in assigned(process)]
    return owner


def test_three_workers_of_which_one_is_killed_issue_exactly_the_stock(
    client: FlaskClient, engine: Engine, coupon_database_url: str, shop_topics: str, tmp_path: Path
) -> None:
    coupon_ids = [create_coupon(client, totalQuantity=STOCK) for _ in range(PARTITIONS)]
    records = [stored_records(engine, coupon_id, USERS) for coupon_id in coupon_ids]
    variables = {
        "DATABASE_URL": coupon_database_url,
        "KAFKA_BOOTSTRAP_SERVERS": shop_topics,
        # Many transactions; the first will be cut off.
        "CONSUMER_MAX_POLL_RECORDS": "15",
        "CONSUMER_SESSION_TIMEOUT_MS": "6000",
        "ADMIN_PORT": "0",
    }
    with workers(PARTITIONS, tmp_path, **variables) as processes:
        wait_until_settled(shop_topics, CONSUMER_GROUP, PARTITIONS)
        with held(engine, coupon_ids[0]):
            for partition, of_coupon in enumerate(records):
                # Each comes twice, as after a relay's kill.
                produce(shop_topics, TOPIC, of_coupon + of_coupon, partition)
            # Two coupons are decided while the third one's worker is in the middle of a transaction.
            for coupon_id in coupon_ids[1:]:
                wait_until(lambda: len(decided(engine, coupon_id)) == USERS, "all of a coupon", 120)  # noqa: B023
            wait_until(lambda: waiting_sessions(engine) == 1, "the third worker to be about to decide")
            owner_of(processes, 0).kill()
            assert decided(engine, coupon_ids[0]) == []
        wait_until(lambda: len(decided(engine, coupon_ids[0])) == USERS, "another worker to take over", 120)

    for coupon_id in coupon_ids:
        outcomes = ["ISSUED"] * STOCK + ["SOLD_OUT"] * (USERS - STOCK)
        assert decided(engine, coupon_id) == [
            (user_id, outcome, user_id) for user_id, outcome in enumerate(outcomes, 1)
        ]
        [counted] = rows(
            engine,
            "SELECT issued_quantity, decided_count, (SELECT count(*) FROM user_coupon"  # noqa: S608
            " WHERE user_coupon.coupon_id = coupon.coupon_id)"
            f" FROM coupon WHERE coupon_id = {coupon_id}",
        )
        assert tuple(counted) == (STOCK, USERS, STOCK)


@pytest.mark.parametrize("cold_partition", [0, 2])
def test_a_hot_coupon_delays_another_partition_by_one_fetch_at_most(
    client: FlaskClient,
    engine: Engine,
    coupon_database_url: str,
    shop_topics: str,
    tmp_path: Path,
    cold_partition: int,
) -> None:
    hot, cold = create_coupon(client), create_coupon(client)
    waiting, poll = 12_000, 500
    backlog = stored_records(engine, hot, waiting)
    in_a_fetch = FETCH_BYTES // len(b"".join(part or b"" for part in backlog[0]))
    produce(shop_topics, TOPIC, backlog, partition=1)
    produce(shop_topics, TOPIC, stored_records(engine, cold, 1), cold_partition)
    variables = {
        "DATABASE_URL": coupon_database_url,
        "KAFKA_BOOTSTRAP_SERVERS": shop_topics,
        "CONSUMER_MAX_POLL_RECORDS": str(poll),
        "ADMIN_PORT": "0",
    }
    with workers(1, tmp_path, **variables):
        wait_until(lambda: len(decided(engine, hot)) == waiting, "everything to be decided", 120)

    [ahead] = rows(
        engine,
        "SELECT count(*) AS of_hot FROM coupon_request WHERE decided_at <"  # noqa: S608
        f" (SELECT decided_at FROM coupon_request WHERE coupon_id = {cold})",
    )
    assert len(decided(engine, cold)) == 1
    assert ahead.of_hot <= in_a_fetch + poll
    assert in_a_fetch + poll < waiting / 2
