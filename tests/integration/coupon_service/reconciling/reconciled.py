"""A shop whose requests, decisions and events can be made to differ, and what reconciliation says of it."""

# ruff: noqa: S608 - statements are put together of our own names and ids

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from coupon_service.application.accept_requests import AcceptRequests, RequestToAccept
from coupon_service.application.reconcile_requests import Progress, ReconcileRequests, Repair, Repaired
from coupon_service.application.recount_coupon import RecountCoupon
from coupon_service.application.send_requests_again import SendRequestsAgain
from coupon_service.config import WorkerSettings
from coupon_service.domain.coupon_request import CouponRequest, NewCouponRequest
from coupon_service.domain.reconciling import UNDECIDED_AGE, Findings
from coupon_service.messaging.incoming_coupon_publish_requested import CONSUMER_GROUP, CouponPublishRequested
from coupon_service.messaging.outgoing_coupon_publish_requested import coupon_publish_requested
from coupon_service.messaging.request_topic import KafkaRequestTopic
from coupon_service.persistence.stored_facts import SqlStoredFacts
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.dead_letters.handled import HandledDeadLetters
from servicekit.identifiers import uuid7
from servicekit.inbox.offsets import OffsetStore
from servicekit.lifecycle import StopSignal
from servicekit.messaging.dead_letter_operations import DeadLetterOperations
from servicekit.messaging.run import run_consumer
from servicekit.messaging.topic_reader import topic_reader
from servicekit.outbox.event import OutboxEvent
from tests.integration.coupon_service.service import a_handler, create_coupon, rows
from tests.support.topics import produce

Record = tuple[bytes | None, bytes | None]


class ReconciledShop:
    """Its relay and its worker are this object, which does no more than it is asked to."""

    def __init__(self, client: FlaskClient, engine: Engine, bootstrap_servers: str, topic: str) -> None:
        self.client = client
        self.engine = engine
        self.servers = bootstrap_servers
        self.topic = topic
        self._unit_of_work = partial(CouponUnitOfWork, engine, CONSUMER_GROUP)
        self.accept = AcceptRequests(self._unit_of_work, self.event)
        database_url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self.settings = WorkerSettings(database_url=database_url, kafka_bootstrap_servers=bootstrap_servers)
        self.handler = a_handler(engine)

    def event(self, request: CouponRequest, traceparent: str | None) -> OutboxEvent:
        return replace(coupon_publish_requested(request, traceparent), topic=self.topic)

    def press(self, coupon_id: int, users: Iterable[int]) -> list[UUID]:
        presses = [RequestToAccept(NewCouponRequest(uuid7(), coupon_id, user), None, None) for user in users]
        self.accept(presses)
        return [press.new.request_id for press in presses]

    def events(self, request_ids: Sequence[UUID]) -> list[CouponPublishRequested]:
        statement = "SELECT payload::text AS payload FROM outbox ORDER BY position"
        events = [
            CouponPublishRequested.model_validate_json(row.payload) for row in rows(self.engine, statement)
        ]
        return [event for event in events if event.request_id in set(request_ids)]

    def records(self, request_ids: Sequence[UUID]) -> list[Record]:
        statement = "SELECT aggregateid, payload::text AS payload FROM outbox ORDER BY position"
        wanted = {str(request_id) for request_id in request_ids}
        return [
            (row.aggregateid.encode(), row.payload.encode())
            for row in rows(self.engine, statement)
            if json.loads(row.payload)["requestId"] in wanted
        ]

    def publish(self, request_ids: Sequence[UUID]) -> None:
        produce(self.servers, self.topic, self.records(request_ids))

    def decide(self, request_ids: Sequence[UUID]) -> None:
        self.handler.handle(self.events(request_ids))

    def decided_coupon(self, users: int = 3, **terms: Any) -> tuple[int, list[UUID]]:
        """A coupon with requests that are published and decided."""
        coupon_id = create_coupon(self.client, **terms)
        requests = self.press(coupon_id, range(1, users + 1))
        self.publish(requests)
        self.decide(requests)
        return coupon_id, requests

    def is_undecided(self, request_id: UUID) -> bool:
        [row] = rows(self.engine, f"SELECT status FROM coupon_request WHERE request_id = '{request_id}'")
        return str(row.status) == "ACCEPTED"

    def held(self, request_ids: Sequence[UUID]) -> Sequence[Any]:
        """User coupons by request."""
        wanted = ", ".join(f"'{request_id}'" for request_id in request_ids)
        return rows(self.engine, f"SELECT * FROM user_coupon WHERE request_id IN ({wanted})")

    def add_key(self, request_id: UUID, created_at: str) -> None:
        self.run(
            "INSERT INTO idempotency_key (scope, key, fingerprint, reply, created_at) VALUES"
            f" ('s', '{request_id}', 'f', jsonb_build_object('requestId', '{request_id}'), {created_at})"
        )

    def name_another_request(self, request_id: UUID, other: UUID) -> None:
        """In the stored event of the first one."""
        renamed = f"replace(CAST(payload AS text), '{request_id}', '{other}')"
        self.run(
            f"UPDATE outbox SET payload = CAST({renamed} AS json)"
            f" WHERE payload->>'requestId' = '{request_id}'"
        )

    def all_is_published(self) -> None:
        self.run("UPDATE outbox_cursor SET snapshot = pg_current_snapshot()")

    def worker_is_at(self, next_offset: int) -> None:
        with topic_reader(self.settings) as reader:
            cluster_id, topic_id = reader.identity(self.topic)
        self.run(
            "INSERT INTO consumer_offset"
            " (consumer_group, topic, partition, next_offset, cluster_id, topic_id)"
            f" VALUES ('{CONSUMER_GROUP}', '{self.topic}', 0, {next_offset}, '{cluster_id}', '{topic_id}')"
            " ON CONFLICT (consumer_group, topic, partition) DO UPDATE SET next_offset = excluded.next_offset"
        )

    def end_offset(self) -> int:
        with topic_reader(self.settings) as reader:
            return reader.bounds(self.topic)[0][1]

    def long_ago(self, request_ids: Sequence[UUID]) -> None:
        """As if they had been accepted, with their events, five minutes ago."""
        ids = ", ".join(f"'{request_id}'" for request_id in request_ids)
        self.run(
            "UPDATE coupon_request SET requested_at = requested_at - interval '5 minutes'"
            f" WHERE request_id IN ({ids})"
        )
        self.run(
            "UPDATE outbox SET created_at = created_at - interval '5 minutes'"
            f" WHERE payload->>'requestId' IN ({ids})"
        )

    def park(self, request_id: UUID) -> None:
        """As the relay does with an event that Kafka refuses."""
        columns = "position, id, topic, aggregatetype, aggregateid, type, source, payload, created_at"
        self.run(
            f"INSERT INTO outbox_dead_letter ({columns}, state, kind, reason)"
            f" SELECT {columns}, 'PARKED', 'x', 'y' FROM outbox WHERE payload->>'requestId' = '{request_id}'"
        )

    def run(self, statement: str) -> None:
        """A change that the service never makes: no trigger refuses it."""
        with self.engine.begin() as connection:
            for table in ("coupon", "user_coupon"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            connection.execute(text(statement))
            for table in ("coupon", "user_coupon"):
                connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))

    def reconcile(
        self,
        *,
        repair: bool = False,
        age: timedelta = UNDECIDED_AGE,
        page_rows: int = 7,
        max_ids: int = 1_000,
        progress: Progress = lambda *_: None,
    ) -> tuple[Findings, Repaired]:
        dlt = f"{self.topic}.dlt"
        with topic_reader(self.settings) as reader:
            handled = HandledDeadLetters(self.engine, dlt)
            letters = DeadLetterOperations(dlt, CONSUMER_GROUP, reader, handled, self.handler)
            repairs = Repair(
                SendRequestsAgain(self._unit_of_work, self.event), RecountCoupon(self._unit_of_work)
            )
            return ReconcileRequests(
                SqlStoredFacts(
                    self.engine,
                    topic=self.topic,
                    consumer_group=CONSUMER_GROUP,
                    page_rows=page_rows,
                    undecided_age=age,
                ),
                KafkaRequestTopic(self.topic, reader, letters),
                repairs if repair else None,
                progress,
            )(max_ids)


@contextmanager
def a_worker(shop: ReconciledShop) -> Iterator[None]:
    """One that keeps its offsets in the database, as the service's does, in a thread."""
    stop = StopSignal()
    arguments = {
        "topic": shop.topic,
        "group_id": CONSUMER_GROUP,
        "handler": shop.handler,
        "stop": stop,
        "offsets": OffsetStore(shop.engine, CONSUMER_GROUP),
    }
    thread = threading.Thread(target=run_consumer, args=(shop.settings,), kwargs=arguments)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
