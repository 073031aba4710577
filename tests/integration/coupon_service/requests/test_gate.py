"""The gate: what can't succeed is refused without a write, by what one thread a process reads."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, text

from coupon_service.domain.errors import CouponNotAvailable, CouponNotFound
from coupon_service.messaging.incoming_coupon_publish_requested import CONSUMER_GROUP
from coupon_service.persistence import coupon_gate
from coupon_service.persistence.coupon_gate import (
    FORGET_SECONDS,
    REFRESH_SECONDS,
    STALE_SECONDS,
    SqlCouponGate,
)
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.lives import operate, succeed
from tests.integration.coupon_service.service import (
    a_handler,
    accepted,
    count,
    create_coupon,
    press,
    published_events,
)
from tests.support.waiting import wait_until


def an_hour_from_now(hours: int) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def decide_all(engine: Engine) -> None:
    a_handler(engine).handle(published_events(engine))


def change(engine: Engine, assignment: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE coupon SET {assignment}"))  # noqa: S608 - the tests' own words


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What is executed during the block."""
    executed: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *others: Any) -> None:
        executed.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield executed
    finally:
        event.remove(engine, "before_cursor_execute", note)


def refused(client: FlaskClient, coupon_id: int, user_id: int = 99) -> str | None:
    """The gate's reason; None where the request is accepted."""
    reply = press(client, user_id, coupon_id)
    if reply.status_code == 202:
        return None
    assert (reply.status_code, reply.content_type) == (409, "application/problem+json"), reply.text
    assert reply.get_json()["type"] == "urn:problem:coupon-not-available"
    return str(reply.get_json()["reason"])


def is_refused_as(client: FlaskClient, coupon_id: int, reason: str | None) -> bool:
    return refused(client, coupon_id) == reason


def sell_out(client: FlaskClient, engine: Engine, coupon_id: int) -> None:
    """Issue the only one, and wait for the gate to see it."""
    accepted(client, 1, coupon_id)
    decide_all(engine)
    wait_until(lambda: refused(client, coupon_id) == "SOLD_OUT", "the gate to close")


def test_coupon_that_is_not_open_yet_is_refused_with_its_opening_time(
    client: FlaskClient, engine: Engine
) -> None:
    opens_at = datetime.now(UTC) + timedelta(hours=1)
    coupon_id = create_coupon(client, startsAt=opens_at.isoformat(), endsAt=an_hour_from_now(2))

    reply = press(client, 7, coupon_id, key="press-1")

    problem = reply.get_json()
    assert (reply.status_code, problem["reason"]) == (409, "NOT_OPEN_YET")
    assert datetime.fromisoformat(problem["opensAt"]) == opens_at
    assert [count(engine, table) for table in ("coupon_request", "outbox", "idempotency_key")] == [0, 0, 0]


def test_ended_coupon_is_refused_and_nothing_is_stored(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client, startsAt=an_hour_from_now(-2), endsAt=an_hour_from_now(-1))

    assert refused(client, coupon_id) == "ENDED"
    assert (count(engine, "coupon_request"), count(engine, "outbox")) == (0, 0)


def test_pause_and_end_close_the_gate_and_resuming_opens_it(client: FlaskClient) -> None:
    coupon_id = create_coupon(client)
    assert refused(client, coupon_id) is None
    for verb, reason in (("pause", "PAUSED"), ("resume", None), ("pause", "PAUSED"), ("end", "ENDED")):
        succeed(operate(client, coupon_id, verb))
        wait_until(partial(is_refused_as, client, coupon_id, reason), f"the gate to see {verb}")


def test_sold_out_follows_the_last_committed_issue_and_stock_reopens(
    client: FlaskClient, engine: Engine
) -> None:
    coupon_id = create_coupon(client, totalQuantity=1)
    assert refused(client, coupon_id, user_id=1) is None
    with engine.begin() as worker:
        worker.execute(text("UPDATE coupon SET issued_quantity = 1, decided_count = 1"))
        with statements(engine) as executed:
            wait_until(lambda: any("known" in one for one in executed), "the gate to read the coupon again")
        assert refused(client, coupon_id, user_id=2) is None
    wait_until(lambda: refused(client, coupon_id) == "SOLD_OUT", "the gate to close")

    change(engine, "total_quantity = 2")

    wait_until(lambda: refused(client, coupon_id) is None, "the gate to reopen")


def test_retry_of_an_accepted_press_is_answered_after_the_sell_out(
    client: FlaskClient, engine: Engine
) -> None:
    coupon_id = create_coupon(client, totalQuantity=1)
    first = press(client, 7, coupon_id, key="press-1")
    sell_out(client, engine, coupon_id)

    again = press(client, 7, coupon_id, key="press-1")

    assert (again.status_code, again.get_json()) == (202, first.get_json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert press(client, 7, coupon_id, key="press-2").status_code == 409
    assert press(client, 8, coupon_id, key="press-1").status_code == 409


def test_key_that_was_used_for_another_coupon_is_refused_at_the_gate_too(
    client: FlaskClient, engine: Engine
) -> None:
    press(client, 7, create_coupon(client), key="press-1")
    ended = create_coupon(client, startsAt=an_hour_from_now(-2), endsAt=an_hour_from_now(-1))

    reply = press(client, 7, ended, key="press-1")

    assert (reply.status_code, reply.get_json()["type"]) == (422, "urn:problem:idempotency-key-reused")


def test_refusing_asks_the_database_nothing_unless_the_client_sent_a_key(
    client: FlaskClient, engine: Engine
) -> None:
    coupon_id = create_coupon(client, totalQuantity=1)
    sell_out(client, engine, coupon_id)
    url = f"/api/v1/users/7/coupons/{coupon_id}/issue"
    balancers = {"Idempotency-Key": "made-on-the-way", "Idempotency-Key-Set-By": "load-balancer"}

    with statements(engine) as executed:
        for headers in ({}, balancers):
            replies = [client.post(url, headers=headers).status_code for _ in range(50)]
            assert replies == [409] * 50
        assert client.post(url, headers={"Idempotency-Key": "clients"}).status_code == 409

    lookups = [one for one in executed if "idempotency_key" in one]
    others = [one for one in executed if "known" not in one and "clock_timestamp" not in one]
    assert (len(lookups), len(others)) == (1, 1)


@pytest.fixture
def unit_of_work(engine: Engine) -> Callable[[], CouponUnitOfWork]:
    return partial(CouponUnitOfWork, engine, CONSUMER_GROUP)


@pytest.fixture
def stopped() -> StopSignal:
    """For gates without a thread of their own."""
    stop = StopSignal()
    stop.set()
    return stop


class Monotonic:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_gate_that_could_not_read_for_seconds_lets_everything_through(
    client: FlaskClient, unit_of_work: Callable[[], CouponUnitOfWork], stopped: StopSignal
) -> None:
    ended = create_coupon(client, startsAt=an_hour_from_now(-2), endsAt=an_hour_from_now(-1))
    clock = Monotonic()
    gate = SqlCouponGate(unit_of_work, stopped, clock)
    with pytest.raises(CouponNotAvailable):
        gate.check(ended)

    clock.now += STALE_SECONDS + 0.1
    gate.check(ended)
    gate.run_once()

    with pytest.raises(CouponNotAvailable):
        gate.check(ended)


def test_questions_about_unknown_coupons_that_come_together_are_one_query(
    engine: Engine, unit_of_work: Callable[[], CouponUnitOfWork], stopped: StopSignal
) -> None:
    gate = SqlCouponGate(unit_of_work, stopped)
    begun, go_on = threading.Event(), threading.Event()

    def hold_the_first(*arguments: Any) -> None:
        begun.set()
        assert go_on.wait(30)

    def is_unknown(coupon_id: int) -> bool:
        with pytest.raises(CouponNotFound):
            gate.check(coupon_id)
        return True

    with ThreadPoolExecutor(21) as pool, statements(engine) as executed:
        event.listen(engine, "before_cursor_execute", hold_the_first)
        first = pool.submit(is_unknown, 1)
        begun.wait(30)
        others = [pool.submit(is_unknown, coupon_id) for coupon_id in range(2, 22)]
        waiting = gate._look_up._waiting  # noqa: SLF001 - nothing else shows that they wait
        wait_until(lambda: len(waiting) == 20, "the others to wait")
        go_on.set()
        assert all(future.result(30) for future in (first, *others))
        event.remove(engine, "before_cursor_execute", hold_the_first)
    assert len([one for one in executed if "known" in one]) == 2


def test_a_coupon_that_does_not_exist_is_looked_for_once_in_a_while(
    client: FlaskClient,
    engine: Engine,
    unit_of_work: Callable[[], CouponUnitOfWork],
    stopped: StopSignal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Monotonic()
    gate = SqlCouponGate(unit_of_work, stopped, clock)
    absent_id = create_coupon(client) + 1

    def look_for(*coupon_ids: int) -> int:
        """How many queries that takes."""
        with statements(engine) as executed:
            for coupon_id in coupon_ids:
                with pytest.raises(CouponNotFound):
                    gate.check(coupon_id)
        return len([one for one in executed if "known" in one])

    assert look_for(*[absent_id] * 50) == 1
    clock.now += REFRESH_SECONDS
    assert look_for(*[absent_id] * 50) == 1
    monkeypatch.setattr(coupon_gate, "MAX_COUPONS", 10)
    assert look_for(*range(absent_id + 1, absent_id + 31)) == 30
    assert len(gate._absent) <= 10  # noqa: SLF001 - what it holds is what is asserted
    assert create_coupon(client) == absent_id
    clock.now += REFRESH_SECONDS
    gate.check(absent_id)


def test_a_coupon_that_makes_room_meanwhile_ends_no_reading(
    client: FlaskClient, unit_of_work: Callable[[], CouponUnitOfWork], stopped: StopSignal
) -> None:
    gate, coupon_id = SqlCouponGate(unit_of_work, stopped), create_coupon(client)
    watched = gate._watched  # noqa: SLF001 - the other thread's doing, at the one moment that matters

    class Leaving:
        @property
        def requested_at(self) -> float:
            watched.pop(coupon_id)
            return float("-inf")

    watched[coupon_id] = Leaving()  # type: ignore[assignment]
    assert gate.run_once() == 0


def test_of_100_000_coupons_only_those_requested_lately_are_read(
    engine: Engine,
    unit_of_work: Callable[[], CouponUnitOfWork],
    stopped: StopSignal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO coupon (name, total_quantity, starts_at, ends_at, discount_type, discount_value,"
                " created_at) SELECT 'many', 10, now() - interval '1 hour', now() + interval '1 hour',"
                " 'AMOUNT', 5, now() FROM generate_series(1, 100000)"
            )
        )
    monkeypatch.setattr(coupon_gate, "MAX_COUPONS", 100)
    clock = Monotonic()
    gate = SqlCouponGate(unit_of_work, stopped, clock)
    for coupon_id in range(1, 251):
        clock.now += 0.001
        gate.check(coupon_id)
    assert len(gate._watched) <= 100  # noqa: SLF001 - what it holds is what is asserted
    assert gate.run_once() == 0

    change(engine, "issued_quantity = 10, decided_count = 10 WHERE coupon_id IN (1, 250)")

    assert gate.run_once() == 1
    with pytest.raises(CouponNotAvailable):
        gate.check(250)
    clock.now += FORGET_SECONDS + 1
    with statements(engine) as executed:
        assert gate.run_once() == 0
    assert executed == []


def test_one_gate_reads_on_when_a_reading_has_failed(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client, totalQuantity=1)
    accepted(client, 1, coupon_id)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE coupon RENAME TO away"))
    with statements(engine) as executed:
        wait_until(lambda: any("known" in one for one in executed), "a reading to fail")
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO coupon"))

    sell_out(client, engine, coupon_id)
