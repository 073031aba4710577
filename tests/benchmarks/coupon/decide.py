"""How fast one worker decides what waits in the topic for one coupon."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kafka import KafkaProducer

from coupon_service.domain.coupon_request import CouponRequest
from coupon_service.messaging.outgoing_coupon_publish_requested import (
    COUPON_PUBLISH_REQUESTED,
    coupon_publish_requested,
)
from coupon_service.persistence.unit_of_work import EVENT_SOURCE
from devstack.free_ports import find_free_ports
from outbox_relay.kafka.record import Header, record_headers
from outbox_relay.protocol.model import Event
from servicekit.outbox.event import OutboxEvent
from tests.benchmarks.coupon import our_services
from tests.benchmarks.coupon.our_services import create_coupon, url_of
from tests.benchmarks.coupon.plan import Scale
from tests.benchmarks.coupon.processes import Service, running
from tests.benchmarks.coupon.servers import a_kafka, a_postgresql, count, query, scratch

_POLL_SECONDS = 0.2
_SLOWEST_PER_SECOND = 20
_STARTING_SECONDS = 120

_STORE = """
    INSERT INTO coupon_request (request_id, coupon_id, user_id, status, requested_at)
    SELECT uuidv7(), %s, user_id, 'ACCEPTED', clock_timestamp() FROM generate_series(1, %s) AS user_id
"""
_STORED = "SELECT request_id, user_id, requested_at FROM coupon_request WHERE coupon_id = %s ORDER BY user_id"
_DECIDED = "SELECT decided_count FROM coupon WHERE coupon_id = %s"
_LAST_COMMIT = """
    SELECT extract(epoch FROM max(pg_xact_commit_timestamp(xmin))) FROM coupon_request WHERE coupon_id = %s
"""
_OUTCOME = """
    SELECT count(*) FILTER (WHERE status = 'ISSUED' AND issue_number = decision_number),
           count(*) FILTER (WHERE status = 'REJECTED' AND reason = 'SOLD_OUT'),
           count(DISTINCT decision_number)
    FROM coupon_request WHERE coupon_id = %s
"""


@dataclass(frozen=True)
class Deciding:
    """``per_second`` from the worker's first poll to its last commit."""

    per_second: float
    requests: float
    seconds: float


def decide(requests: int, stock: int, **environment: str) -> Deciding:
    """With settings of the worker. Raises ValueError when a decision is wrong."""
    with scratch() as directory, a_postgresql(directory) as database, a_kafka(directory) as kafka:
        our_services.migration(directory, database).run()
        [port] = find_free_ports(1)
        with running(our_services.api(directory, database, port)):
            coupon_id = create_coupon(url_of(port), stock=stock)
        query(database, _STORE, coupon_id, requests)
        _produce(kafka, _events(database, coupon_id))
        worker = our_services.worker(directory, database, kafka, **environment)
        with running(worker):
            _await_decisions(worker, database, coupon_id, requests)
            began = _first_poll_at(worker)
        ended = float(query(database, _LAST_COMMIT, coupon_id)[0][0])
        _check(database, coupon_id, requests, stock)
        return Deciding(requests / (ended - began), requests, ended - began)


def decide_backlog(scale: Scale) -> Deciding:
    """With the worker's default settings."""
    return decide(scale.decided_requests, scale.decided_stock)


def decide_one_by_one(scale: Scale) -> Deciding:
    """A transaction a message: the same worker, which takes one record from each poll."""
    stock = scale.decided_stock * scale.decided_one_by_one // scale.decided_requests
    return decide(scale.decided_one_by_one, stock, CONSUMER_MAX_POLL_RECORDS="1")


def _events(database: str, coupon_id: int) -> Iterator[OutboxEvent]:
    for request_id, user_id, requested_at in query(database, _STORED, coupon_id):
        yield coupon_publish_requested(CouponRequest(UUID(request_id), coupon_id, user_id, requested_at))


def _produce(bootstrap_servers: str, events: Iterator[OutboxEvent]) -> None:
    """The records that the relay would make of them."""
    producer = KafkaProducer(
        bootstrap_servers=bootstrap_servers, acks="all", enable_idempotence=True, linger_ms=5
    )
    try:
        futures = [
            producer.send(
                event.topic, key=event.key.encode(), headers=_headers(event),
                value=json.dumps(event.payload, ensure_ascii=False, separators=(",", ":")).encode(),
            )
            for event in events
        ]  # fmt: skip
        producer.flush()
        for future in futures:
            future.get(timeout=60)
    finally:
        producer.close()


def _headers(event: OutboxEvent) -> list[Header]:
    return record_headers(
        Event(
            position=0, topic=event.topic, key=event.key, event_id=str(event.event_id),
            event_type=event.event_type, source=EVENT_SOURCE, time=event.payload["occurredAt"], payload="",
            traceparent=None, age_seconds=0.0,
        )
    )  # fmt: skip


def _await_decisions(worker: Service, database: str, coupon_id: int, requests: int) -> None:
    deadline = time.monotonic() + _STARTING_SECONDS + requests / _SLOWEST_PER_SECOND
    while (decided := count(database, _DECIDED, coupon_id)) < requests:
        if not worker.alive:
            raise ChildProcessError(f"the worker has ended with {worker.process.returncode}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{decided:,} of {requests:,} decided")
        time.sleep(_POLL_SECONDS)


def _first_poll_at(worker: Service) -> float:
    """When it had its partitions, so could be given records."""
    for line in worker.log.read_text().splitlines():
        entry = json.loads(line) if line.startswith("{") else {}
        is_its_topic = entry.get("topic") == COUPON_PUBLISH_REQUESTED.topic
        if entry.get("event") == "partitions_assigned" and is_its_topic:
            return datetime.fromisoformat(entry["timestamp"]).timestamp()
    raise ValueError("the worker's log doesn't say when it was given its partitions")


def _check(database: str, coupon_id: int, requests: int, stock: int) -> None:
    [outcome] = query(database, _OUTCOME, coupon_id)
    coupons = count(database, "SELECT count(*) FROM user_coupon WHERE coupon_id = %s", coupon_id)
    issued = min(stock, requests)
    if (*outcome, coupons) != (issued, requests - issued, requests, issued):
        raise ValueError(f"decided wrongly: {outcome} and {coupons} coupons of {requests} and {stock}")
