"""Deciding on real PostgreSQL: exactly as many as there are, never two for a user, in order."""

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from coupon_service.messaging.incoming_coupon_publish_requested import CouponPublishRequested
from servicekit.identifiers import uuid7
from tests.integration.coupon_service.service import (
    a_handler,
    a_stored_event,
    accepted,
    an_engine,
    count,
    create_coupon,
    held,
    published_events,
    request_of,
    rows,
    waiting_sessions,
)
from tests.support.waiting import wait_until

Events = Sequence[CouponPublishRequested]

COPY_USER_COUPON = """
INSERT INTO user_coupon (coupon_id, user_id, request_id, issue_number, issued_at)
SELECT coupon_id, {user_id}, request_id, {issue_number}, now() FROM user_coupon
"""


def handle_in_batches(engine: Engine, events: Events, sizes: Callable[[], int]) -> None:
    handler, at = a_handler(engine), 0
    while at < len(events):
        size = sizes()
        handler.handle(events[at : at + size])
        at += size


def outcomes(engine: Engine, coupon_id: int) -> list[tuple[int, str, int | None]]:
    """In the order of decision: user, status or reason, issue number."""
    return [
        (row.user_id, row.outcome, row.issue_number)
        for row in rows(
            engine,
            "SELECT user_id, coalesce(reason, status) AS outcome, issue_number FROM coupon_request "  # noqa: S608
            f"WHERE coupon_id = {coupon_id} ORDER BY decision_number",
        )
    ]


def test_requests_are_decided_in_the_order_of_their_events(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client, totalQuantity=2)
    for user_id in (5, 5, 3, 5, 9, 3):
        accepted(client, user_id, coupon_id)

    a_handler(engine).handle(published_events(engine))

    assert outcomes(engine, coupon_id) == [
        (5, "ISSUED", 1),
        (5, "DUPLICATE", None),
        (3, "ISSUED", 2),
        (5, "DUPLICATE", None),
        (9, "SOLD_OUT", None),
        (3, "DUPLICATE", None),
    ]
    coupon = client.get(f"/api/v1/coupons/{coupon_id}").get_json()
    assert (coupon["issuedQuantity"], coupon["status"]) == (2, "SOLD_OUT")


def test_two_workers_and_every_message_twice_issue_what_one_would(
    client: FlaskClient, coupon_database_url: str, engine: Engine
) -> None:
    stock, users = 40, 90
    coupon_ids = [create_coupon(client, totalQuantity=stock) for _ in range(2)]
    dice = random.Random(7)  # noqa: S311 - a reproducible crowd
    presses = [(user, coupon) for user in range(1, users + 1) for coupon in coupon_ids] * 2
    dice.shuffle(presses)
    for user_id, coupon_id in presses:
        accepted(client, user_id, coupon_id)
    events = [event for event in published_events(engine) for _delivery in range(2)]
    failures: list[BaseException] = []

    def work(seed: int, order: int) -> None:
        sizes = random.Random(seed)  # noqa: S311 - a reproducible pace
        own = an_engine(coupon_database_url)
        try:
            # The second worker meets the partitions the other way round.
            by_coupon = [
                [event for event in events if event.coupon_id == coupon_id] for coupon_id in coupon_ids
            ][::order]
            mixed = [event for pair in zip(*by_coupon, strict=True) for event in pair]
            handle_in_batches(own, mixed, lambda: sizes.randint(1, 40))
        except BaseException as error:  # noqa: BLE001 - the test's own thread reports it
            failures.append(error)
        finally:
            own.dispose()

    workers = [threading.Thread(target=work, args=(seed, order)) for seed, order in ((1, 1), (2, -1))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert failures == []
    for coupon_id in coupon_ids:
        in_order = [event.user_id for event in events[::2] if event.coupon_id == coupon_id]
        decided = outcomes(engine, coupon_id)
        assert [user_id for user_id, _, _ in decided] == in_order
        issued = [user_id for user_id, outcome, _ in decided if outcome == "ISSUED"]
        assert issued == list(dict.fromkeys(in_order))[:stock]
        coupon = client.get(f"/api/v1/coupons/{coupon_id}").get_json()
        assert coupon["issuedQuantity"] == stock
    numbers = rows(engine, "SELECT min(decision_number), max(decision_number), count(*) FROM coupon_request")
    assert tuple(numbers[0]) == (1, 2 * users, 4 * users)
    assert count(engine, "user_coupon") == 2 * stock


def test_a_batch_delivered_again_changes_nothing(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client, totalQuantity=1)
    for user_id in (1, 2):
        accepted(client, user_id, coupon_id)
    events = published_events(engine)
    handler = a_handler(engine)
    handler.handle(events)
    before = rows(engine, "SELECT * FROM coupon_request ORDER BY request_id")

    handler.handle(events)

    assert rows(engine, "SELECT * FROM coupon_request ORDER BY request_id") == before
    [counters] = rows(engine, "SELECT issued_quantity, decided_count FROM coupon")
    assert tuple(counters) == (1, 2)


def test_a_batch_delivered_again_waits_for_no_coupon(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client)
    events = [a_stored_event(engine, 7, coupon_id)]
    handler = a_handler(engine)
    handler.handle(events)

    with held(engine, coupon_id):
        handler.handle(events)

    assert outcomes(engine, coupon_id) == [(7, "ISSUED", 1)]


def test_two_workers_with_different_events_of_one_user_wait_in_turn(
    client: FlaskClient, engine: Engine
) -> None:
    coupon_id = create_coupon(client)
    for _ in range(2):
        accepted(client, 7, coupon_id)
    first, second = published_events(engine)
    first_again = first.model_copy(update={"event_id": uuid7()})

    # No event is common to the two: what the inbox lets pass has to be kept apart by the coupon's lock.
    with ThreadPoolExecutor() as workers:
        with held(engine, coupon_id):
            batches: list[Events] = [[first], [first_again, second]]
            futures = [workers.submit(a_handler(engine).handle, batch) for batch in batches]
            wait_until(lambda: waiting_sessions(engine) == 2, "both workers to be about to decide")
        for future in futures:
            future.result()

    assert outcomes(engine, coupon_id) == [(7, "ISSUED", 1), (7, "DUPLICATE", None)]


def test_two_workers_with_different_requests_for_one_coupon_wait_in_turn(
    client: FlaskClient, engine: Engine
) -> None:
    coupon_id = create_coupon(client, totalQuantity=2)
    for user_id in (7, 8, 9):
        accepted(client, user_id, coupon_id)

    # Neither an event nor a request is common to them: both would give the same numbers without the lock.
    with ThreadPoolExecutor() as workers:
        with held(engine, coupon_id):
            futures = [
                workers.submit(a_handler(engine).handle, [event]) for event in published_events(engine)
            ]
            wait_until(lambda: waiting_sessions(engine) == 3, "all workers to be about to decide")
        for future in futures:
            future.result()

    decided = [(outcome, number) for _, outcome, number in outcomes(engine, coupon_id)]
    assert decided == [("ISSUED", 1), ("ISSUED", 2), ("SOLD_OUT", None)]


def test_a_batch_that_fails_midway_leaves_nothing_and_can_be_repeated(
    client: FlaskClient, engine: Engine
) -> None:
    coupon_id = create_coupon(client)
    accepted(client, 7, coupon_id)
    events = published_events(engine)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE coupon ADD CONSTRAINT refuse_all CHECK (decided_count = 0)"))
    with pytest.raises(IntegrityError):
        a_handler(engine).handle(events)
    assert (count(engine, "inbox"), count(engine, "user_coupon")) == (0, 0)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE coupon DROP CONSTRAINT refuse_all"))

    a_handler(engine).handle(events)

    assert outcomes(engine, coupon_id) == [(7, "ISSUED", 1)]


def test_the_time_of_acceptance_counts_not_the_time_of_decision(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client, startsAt="2026-01-01T00:00:00Z", endsAt="2026-01-02T00:00:00Z")
    times = ["2025-12-31T23:59:59.999999Z", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]

    events = [
        a_stored_event(engine, user_id, coupon_id, datetime.fromisoformat(time))
        for user_id, time in enumerate(times, 1)
    ]
    a_handler(engine).handle(events)

    assert [outcome for _, outcome, _ in outcomes(engine, coupon_id)] == ["NOT_STARTED", "ISSUED", "ENDED"]


def test_a_request_for_an_unknown_coupon_is_rejected_without_a_number(
    client: FlaskClient, engine: Engine
) -> None:
    coupon_id = create_coupon(client)
    unknown, known = a_stored_event(engine, 7, 999_999), a_stored_event(engine, 7, coupon_id)

    a_handler(engine).handle([unknown, known])

    request = request_of(client, unknown.request_id)
    assert (request["status"], request["reason"]) == ("REJECTED", "UNKNOWN_COUPON")
    assert request["decisionNumber"] is None
    assert request_of(client, known.request_id)["status"] == "ISSUED"


def test_another_event_for_a_decided_request_decides_nothing(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client)
    event = a_stored_event(engine, 7, coupon_id)
    again = event.model_copy(update={"event_id": uuid7()})
    handler = a_handler(engine)

    handler.handle([event, again])
    handler.handle([event.model_copy(update={"event_id": uuid7()})])

    assert outcomes(engine, coupon_id) == [(7, "ISSUED", 1)]


def test_decisions_that_can_never_be_recorded_end_in_an_error(client: FlaskClient, engine: Engine) -> None:
    event = a_stored_event(engine, 7, create_coupon(client))
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION pass_over() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
                " CREATE TRIGGER pass_over BEFORE UPDATE ON coupon_request"
                " FOR EACH ROW EXECUTE FUNCTION pass_over()"
            )
        )

    with pytest.raises(RuntimeError, match="could not be recorded"):
        a_handler(engine).handle([event])

    assert (count(engine, "inbox"), count(engine, "user_coupon")) == (0, 0)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE coupon SET issued_quantity = 4, decided_count = 4", "coupon_never_oversold"),
        (COPY_USER_COUPON.format(user_id="user_id", issue_number=2), "user_coupon_one_copy"),
        (COPY_USER_COUPON.format(user_id=8, issue_number=1), "user_coupon_issue_number"),
    ],
)
def test_the_database_is_the_last_defence(
    client: FlaskClient, engine: Engine, statement: str, constraint: str
) -> None:
    a_handler(engine).handle([a_stored_event(engine, 7, create_coupon(client, totalQuantity=3))])

    with pytest.raises(IntegrityError, match=constraint), engine.begin() as connection:
        connection.execute(text(statement))
