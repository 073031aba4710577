"""The worker's consumer on a real broker."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from structlog.testing import capture_logs
from structlog.typing import EventDict

from coupon_service.config import WorkerSettings
from coupon_service.messaging.incoming_coupon_publish_requested import CouponPublishRequested
from devstack.postgresql import PostgresqlServer
from servicekit.lifecycle import StopSignal
from servicekit.messaging.run import run_consumer
from tests.integration.coupon_service.builders import an_event
from tests.integration.coupon_service.service import (
    a_handler,
    a_stored_event,
    accepted,
    an_engine,
    count,
    create_coupon,
    held,
    published_events,
    rows,
    waiting_sessions,
)
from tests.support.consumer_groups import wait_until_settled
from tests.support.database_faults import no_space_for, read_only
from tests.support.topics import PARTITIONS, committed_offset, produce, read_topic
from tests.support.waiting import wait_until

STOCK, USERS = 50, 120

Record = tuple[bytes | None, bytes | None]


def a_record(event: CouponPublishRequested, **changes: object) -> Record:
    value = event.model_dump(mode="json", by_alias=True)
    value |= {"eventType": event.event_type.name, "version": event.event_type.version} | changes
    return str(event.coupon_id).encode(), json.dumps(value).encode()


@contextmanager
def a_worker(
    database_url: str, bootstrap_servers: str, topic: str, group_id: str | None = None
) -> Iterator[None]:
    """A consumer with an engine of its own, in a thread; what it raises is raised at the end."""
    settings = WorkerSettings(database_url=database_url, kafka_bootstrap_servers=bootstrap_servers)
    engine, stop = an_engine(database_url), StopSignal()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            run_consumer(
                settings,
                topic=topic,
                group_id=group_id or f"group-{topic}",
                handler=a_handler(engine),
                stop=stop,
            )
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        engine.dispose()
    if failures:
        raise failures[0]


def issued_to(engine: Engine, user_id: int) -> bool:
    return user_id in [row.user_id for row in rows(engine, "SELECT user_id FROM user_coupon")]


def wait_until_read(bootstrap_servers: str, group_id: str, topic: str, ends: dict[int, int]) -> None:
    wait_until(
        lambda: all(
            committed_offset(bootstrap_servers, group_id, topic, partition) == end
            for partition, end in ends.items()
        ),
        f"{group_id} to read everything",
    )


def press_twice(client: FlaskClient, engine: Engine, coupon_id: int) -> list[Record]:
    """Every user asks, and then all ask again; the events in their order."""
    for user_id in [*range(1, USERS + 1), *range(1, USERS + 1)]:
        accepted(client, user_id, coupon_id)
    return [a_record(event) for event in published_events(engine)]


def assert_decided_once(engine: Engine) -> None:
    """Exactly the stock, to as many users, and every request with a number of its own."""
    issued = rows(engine, "SELECT user_id, issue_number FROM user_coupon ORDER BY issue_number")
    assert [row.issue_number for row in issued] == list(range(1, STOCK + 1))
    assert len({row.user_id for row in issued}) == STOCK
    outcomes = rows(
        engine,
        "SELECT coalesce(reason, status) AS outcome, count(*) AS number FROM coupon_request GROUP BY 1",
    )
    assert {row.outcome: row.number for row in outcomes} == {
        "ISSUED": STOCK,
        "DUPLICATE": STOCK,
        "SOLD_OUT": 2 * (USERS - STOCK),
    }
    numbers = rows(engine, "SELECT decision_number FROM coupon_request ORDER BY 1")
    assert [row.decision_number for row in numbers] == list(range(1, 2 * USERS + 1))


def test_two_workers_and_every_message_twice_never_oversell(
    client: FlaskClient,
    engine: Engine,
    coupon_database_url: str,
    kafka_bootstrap_servers: str,
    topic: str,
) -> None:
    coupon_id = create_coupon(client, totalQuantity=STOCK)
    records = press_twice(client, engine, coupon_id)
    group_id = f"group-{topic}"

    with (
        a_worker(coupon_database_url, kafka_bootstrap_servers, topic, group_id),
        a_worker(coupon_database_url, kafka_bootstrap_servers, topic, group_id),
    ):
        wait_until_settled(kafka_bootstrap_servers, group_id, 2)
        with held(engine, coupon_id):
            # All partitions, as if their number had changed: no worker has this coupon for itself, and of
            # what both decide now no event is common, so that no worker waits at the inbox.
            for partition in range(PARTITIONS):
                produce(kafka_bootstrap_servers, topic, records[partition::PARTITIONS], partition)
            wait_until(lambda: waiting_sessions(engine) == 2, "both workers to be about to decide")
            # A relay that was killed after sending sends again; now another worker gets it.
            for partition in range(PARTITIONS):
                again = records[(partition + 1) % PARTITIONS :: PARTITIONS]
                produce(kafka_bootstrap_servers, topic, again, partition)
        ends = dict.fromkeys(range(PARTITIONS), 2 * len(records) // PARTITIONS)
        wait_until_read(kafka_bootstrap_servers, group_id, topic, ends)

    assert_decided_once(engine)


def test_two_workers_with_the_same_messages_decide_them_once_and_in_order(
    client: FlaskClient,
    engine: Engine,
    coupon_database_url: str,
    kafka_bootstrap_servers: str,
    topic: str,
) -> None:
    coupon_id = create_coupon(client, totalQuantity=STOCK)
    records = press_twice(client, engine, coupon_id)
    produce(kafka_bootstrap_servers, topic, [*records, *records], partition=1)

    groups = [f"one-{topic}", f"another-{topic}"]

    with ExitStack() as workers:
        with held(engine, coupon_id):
            for group_id in groups:
                workers.enter_context(a_worker(coupon_database_url, kafka_bootstrap_servers, topic, group_id))
            wait_until(lambda: waiting_sessions(engine) == 2, "both workers to be about to decide")
        for group_id in groups:
            wait_until_read(kafka_bootstrap_servers, group_id, topic, {1: 2 * len(records)})

    assert_decided_once(engine)
    issued = rows(engine, "SELECT user_id FROM user_coupon ORDER BY issue_number")
    assert [row.user_id for row in issued] == list(range(1, STOCK + 1))


def test_malformed_messages_go_to_the_dead_letters_and_the_rest_flows(
    client: FlaskClient,
    engine: Engine,
    coupon_database_url: str,
    kafka_bootstrap_servers: str,
    topic: str,
) -> None:
    coupon_id = create_coupon(client)
    key = str(coupon_id).encode()
    good = [a_stored_event(engine, user_id, coupon_id) for user_id in (1, 2)]
    foreign = an_event(3, coupon_id)
    bad: list[tuple[Record, str]] = [
        ((key, b"not json"), "not JSON"),
        ((key, b"\xff\xfe"), "not UTF-8"),
        ((key, None), "value is null"),
        ((None, a_record(good[0])[1]), "key is null"),
        ((b"another", a_record(good[0])[1]), "key is not the couponId"),
        (a_record(good[0], version=2), "version 2"),
        (a_record(good[0], eventType="Other"), "eventType 'Other'"),
        (a_record(foreign), "is not stored here"),
        (a_record(good[0], userId=-1), "userId"),
        (a_record(good[0], userId=2**63), "userId"),
        (a_record(good[0], occurredAt="0001-01-01T00:00:00+14:00"), "occurredAt"),
    ]
    records = [a_record(good[0]), *(record for record, _ in bad), a_record(good[1])]
    produce(kafka_bootstrap_servers, topic, records, partition=2)

    with a_worker(coupon_database_url, kafka_bootstrap_servers, topic):
        wait_until(lambda: count(engine, "user_coupon") == 2, "both good messages to be applied")
        dead = read_topic(kafka_bootstrap_servers, f"{topic}.dlt", lambda letters: len(letters) >= len(bad))

    assert count(engine, "coupon_request") == 2
    assert len(dead) == len(bad)
    by_offset = {int(dict(letter.headers)["dlt-offset"]): letter for letter in dead}
    for offset, ((expected_key, expected_value), reason) in enumerate(bad, start=1):
        letter = by_offset[offset]
        headers = dict(letter.headers)
        assert (letter.key, letter.value) == (expected_key, expected_value)
        assert reason in headers["dlt-reason"].decode()
        assert headers["dlt-partition"] == b"2"
        assert headers["dlt-topic"] == topic.encode()


def test_a_worker_that_starts_again_continues_where_it_stopped(
    client: FlaskClient,
    engine: Engine,
    coupon_database_url: str,
    kafka_bootstrap_servers: str,
    topic: str,
) -> None:
    coupon_id = create_coupon(client)
    for user_id in (1, 2, 3):
        produce(
            kafka_bootstrap_servers,
            topic,
            [a_record(a_stored_event(engine, user_id, coupon_id))],
            partition=0,
        )
        with a_worker(coupon_database_url, kafka_bootstrap_servers, topic):
            wait_until(partial(issued_to, engine, user_id), "the coupon to be issued")

    assert count(engine, "inbox") == 3


@pytest.mark.parametrize("fault", ["read-only", "no space"])
def test_a_worker_waits_for_a_database_that_can_not_store(
    client: FlaskClient,
    engine: Engine,
    coupon_database_url: str,
    postgresql_server: PostgresqlServer,
    kafka_bootstrap_servers: str,
    topic: str,
    fault: str,
) -> None:
    coupon_id = create_coupon(client)
    records = [a_record(a_stored_event(engine, user_id, coupon_id)) for user_id in range(1, 11)]
    faults = {
        "read-only": partial(read_only, coupon_database_url),
        "no space": partial(no_space_for, postgresql_server, coupon_database_url, "user_coupon"),
    }

    with (
        capture_logs() as logs,
        a_worker(coupon_database_url, kafka_bootstrap_servers, topic, f"group-{topic}"),
    ):
        wait_until_settled(kafka_bootstrap_servers, f"group-{topic}", 1)
        with faults[fault]():
            produce(kafka_bootstrap_servers, topic, records, partition=0)
            wait_until(lambda: len(named(logs, "batch_postponed")) >= 2, "two attempts to fail")
        wait_until(lambda: issued_to(engine, 10), "the coupons to be issued")

    assert count(engine, "user_coupon") == count(engine, "inbox") == 10
    assert named(logs, "message_dead_lettered") == []


def named(logs: Sequence[EventDict], event: str) -> list[EventDict]:
    return [entry for entry in logs if entry["event"] == event]
