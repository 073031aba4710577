"""Requests that arrive while a transaction is under way share the next one, and nothing else."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

import coupon_service.api
from coupon_service.api import build_application
from coupon_service.application.accept_requests import AcceptRequests, RequestToAccept
from coupon_service.domain.coupon_request import NewCouponRequest
from coupon_service.messaging.incoming_coupon_publish_requested import CONSUMER_GROUP
from coupon_service.messaging.outgoing_coupon_publish_requested import coupon_publish_requested
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.batches import Batches
from servicekit.idempotency.key import Answer, IdempotencyKey, IdempotencyKeyReused
from servicekit.identifiers import uuid7
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.service import (
    accepted,
    count,
    create_coupon,
    press,
    published_events,
    rows,
    waiting_sessions,
)
from tests.support.waiting import wait_until

Press = Callable[[FlaskClient], TestResponse]
# So many that two sets overlap in time: without an order of keys, they deadlock in the first rounds.
KEYS, ROUNDS = 1500, 6


class SharingApi:
    """The API; what :meth:`at_once` sends is one transaction behind that of another press."""

    def __init__(self, engine: Engine, stop: StopSignal, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[Batches[object, object]] = []
        made = self.made

        class KnownBatches(Batches[object, object]):
            def __init__(self, *arguments: object, **options: object) -> None:
                super().__init__(*arguments, **options)  # type: ignore[arg-type]
                if isinstance(arguments[0], AcceptRequests):
                    made.append(self)

        monkeypatch.setattr(coupon_service.api, "Batches", KnownBatches)
        self._engine = engine
        self._app = build_application(engine, stop, max_waiting=1)
        self.client = self._app.test_client()
        self.coupon_id = create_coupon(self.client)
        accepted(self.client, 1, self.coupon_id)

    def at_once(
        self, presses: Sequence[Press], meanwhile: Callable[[], object] = lambda: None
    ) -> list[TestResponse]:
        def send(one: Press) -> TestResponse:
            return one(self._app.test_client())

        [accept] = self.made
        replies: list[Future[TestResponse]] = []
        with ThreadPoolExecutor(len(presses) + 1) as pool:
            with self._engine.begin() as holder:
                # Inserts wait.
                holder.execute(text("LOCK TABLE coupon_request IN SHARE MODE"))
                leader = pool.submit(send, lambda client: press(client, 2, self.coupon_id))
                wait_until(lambda: waiting_sessions(self._engine) == 1, "a transaction under way")
                for number, one in enumerate(presses, start=1):
                    replies.append(pool.submit(send, one))
                    wait_until(
                        lambda number=number: len(accept._waiting) == number,  # type: ignore[misc]  # noqa: SLF001
                        "a press to wait",
                    )
                meanwhile()
            assert leader.result(30).status_code in (202, 503)
            return [reply.result(30) for reply in replies]


@pytest.fixture
def api(engine: Engine, stop: StopSignal, monkeypatch: pytest.MonkeyPatch) -> SharingApi:
    return SharingApi(engine, stop, monkeypatch)


def pressing(user_id: int, coupon_id: int, key: str | None = None) -> Press:
    return lambda client: press(client, user_id, coupon_id, key)


def transactions(engine: Engine) -> list[int]:
    """How many events each stored, in their order."""
    found = rows(engine, "SELECT count(*) AS events FROM outbox GROUP BY xid::text ORDER BY min(position)")
    return [row.events for row in found]


def test_presses_during_a_commit_are_one_transaction_in_their_order(api: SharingApi, engine: Engine) -> None:
    users = [19, 12, 17, 14, 15]
    keyed = [pressing(user_id, api.coupon_id, f"key-{user_id}" if user_id % 2 else None) for user_id in users]

    replies = api.at_once(keyed)

    assert [reply.status_code for reply in replies] == [202] * 5
    assert transactions(engine) == [1, 1, 5]
    assert [event.user_id for event in published_events(engine)] == [1, 2, *users]
    by_time = rows(engine, "SELECT request_id FROM coupon_request ORDER BY requested_at")
    assert [str(row.request_id) for row in by_time][2:] == [
        reply.get_json()["requestId"] for reply in replies
    ]
    assert count(engine, "idempotency_key") == 3


def test_a_press_that_cannot_be_stored_spoils_no_other(api: SharingApi, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE coupon_request ADD CHECK (user_id <> 13)"))

    replies = api.at_once([pressing(user_id, api.coupon_id) for user_id in (12, 13, 14)])

    assert [reply.status_code for reply in replies] == [202, 500, 202]
    assert sorted(event.user_id for event in published_events(engine)) == [1, 2, 12, 14]


def test_one_key_in_a_transaction_twice_is_one_request(api: SharingApi, engine: Engine) -> None:
    other = create_coupon(api.client)
    accepted(api.client, 1, other)

    first, again, reused, others = api.at_once(
        [
            pressing(7, api.coupon_id, "press-1"),
            pressing(7, api.coupon_id, "press-1"),
            pressing(7, other, "press-1"),
            pressing(8, other, "press-1"),
        ]
    )

    assert [reply.status_code for reply in (first, again, reused, others)] == [202, 202, 422, 202]
    assert again.get_json() == first.get_json()
    assert ("Idempotent-Replayed" in first.headers, "Idempotent-Replayed" in again.headers) == (False, True)
    assert [event.user_id for event in published_events(engine)][-2:] == [7, 8]


def test_a_lost_connection_asks_every_client_of_the_transaction_to_retry(
    api: SharingApi, engine: Engine, coupon_database_url: str
) -> None:
    with engine.begin() as connection:
        # Ends the session that stores user 13, as a server that goes away would.
        connection.execute(
            text(
                "CREATE FUNCTION go_away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " IF NEW.user_id = 13 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;"
                " RETURN NEW; END $$;"
                " CREATE TRIGGER go_away BEFORE INSERT ON coupon_request"
                " FOR EACH ROW EXECUTE FUNCTION go_away()"
            )
        )

    replies = api.at_once([pressing(user_id, api.coupon_id) for user_id in (12, 13, 14)])

    assert [reply.status_code for reply in replies] == [503] * 3
    assert all(int(reply.headers["Retry-After"]) > 0 for reply in replies)
    assert [event.user_id for event in published_events(engine)] == [1, 2]
    accepted(api.client, 15, api.coupon_id)


def test_each_event_continues_the_trace_of_its_own_press(api: SharingApi, engine: Engine) -> None:
    traces = [f"{number:032x}" for number in (11, 12, 13)]

    def traced(trace_id: str) -> Press:
        url = f"/api/v1/users/7/coupons/{api.coupon_id}/issue"
        return lambda client: client.post(url, headers={"traceparent": f"00-{trace_id}-{1:016x}-01"})

    api.at_once([traced(trace_id) for trace_id in traces])

    stored = rows(engine, "SELECT traceparent FROM outbox ORDER BY position")
    assert [row.traceparent.split("-")[1] for row in stored][2:] == traces
    assert f"{1:016x}" not in [row.traceparent.split("-")[2] for row in stored]


def test_sets_with_the_same_keys_in_another_order_never_deadlock(patient_engine: Engine) -> None:
    """As of two processes, which share no lock but the database's."""
    engine = patient_engine
    accept = AcceptRequests(partial(CouponUnitOfWork, engine, CONSUMER_GROUP), coupon_publish_requested)
    start = threading.Barrier(2)

    def set_of(round_number: int) -> list[RequestToAccept]:
        return [
            RequestToAccept(
                NewCouponRequest(uuid7(), 1, user_id),
                IdempotencyKey(f"userId={user_id % 5}", f"{round_number}-{user_id:04}", "same"),
                None,
            )
            for user_id in range(KEYS)
        ]

    def accept_rounds(step: int) -> list[UUID]:
        ids: list[UUID] = []
        for round_number in range(ROUNDS):
            start.wait(100)
            answers = accept(set_of(round_number)[::step])
            assert not any(isinstance(answer, IdempotencyKeyReused) for answer in answers)
            ids += [answer.result for answer in answers[::step] if isinstance(answer, Answer)]
        return ids

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(accept_rounds, (1, -1))

    assert one == other
    assert count(engine, "coupon_request") == count(engine, "outbox") == ROUNDS * KEYS
    [waits] = rows(engine, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert waits.deadlocks == 0
