"""Hosts whose clocks are wrong: only the database's clock decides."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from flask.testing import FlaskClient
from sqlalchemy import Engine

from devstack.free_ports import find_free_ports
from tests.integration.coupon_service.builders import a_coupon_body
from tests.integration.coupon_service.operations.test_processes import a_process, is_ready
from tests.integration.coupon_service.service import (
    a_handler,
    create_coupon,
    published_events,
    rows,
)
from tests.support.clock_jumps import JumpingClock
from tests.support.waiting import wait_until

AHEAD_SECONDS = 3 * 60
HOSTS = 10


def test_a_host_that_is_three_minutes_ahead_opens_no_coupon_early(
    client: FlaskClient, coupon_database_url: str, engine: Engine, tmp_path: Path
) -> None:
    clock = JumpingClock(tmp_path / "clock")
    clock.jump(AHEAD_SECONDS)
    [port] = find_free_ports(1)
    url = f"http://127.0.0.1:{port}"
    opens_at = datetime.now(UTC) + timedelta(seconds=AHEAD_SECONDS - 5)
    variables = {"DATABASE_URL": coupon_database_url, "HTTP_PORT": str(port), **clock.environment}
    with a_process("api", tmp_path / "log", **variables):
        wait_until(lambda: is_ready(url), "the API to be ready")
        # A coupon that opens later for every user; this host alone takes it for open.
        created = httpx.post(f"{url}/api/v1/coupons", json=a_coupon_body(startsAt=opens_at.isoformat()))
        coupon_id = created.json()["couponId"]
        read = httpx.get(f"{url}/api/v1/coupons/{coupon_id}").json()
        pressed = httpx.post(f"{url}/api/v1/users/7/coupons/{coupon_id}/issue")

    assert (pressed.status_code, pressed.json()["reason"]) == (409, "NOT_OPEN_YET")
    assert (created.json()["status"], read["status"]) == ("SCHEDULED", "SCHEDULED")
    assert rows(engine, "SELECT 1 FROM coupon_request") == []


def test_ten_hosts_minutes_apart_open_and_order_by_the_databases_clock(
    client: FlaskClient, coupon_database_url: str, engine: Engine, tmp_path: Path
) -> None:
    ports = find_free_ports(HOSTS)
    now = datetime.now(UTC)

    def a_coupon_open(start_minutes: float, end_minutes: float) -> int:
        moments = [(now + timedelta(minutes=minutes)).isoformat() for minutes in (start_minutes, end_minutes)]
        return create_coupon(client, startsAt=moments[0], endsAt=moments[1])

    # By the clocks of most hosts, none of these is so.
    ended, is_open, opens = a_coupon_open(-1, -0.5), a_coupon_open(-1, 30), a_coupon_open(31, 32)
    with ExitStack() as scope:
        for number, port in enumerate(ports):
            clock = JumpingClock(tmp_path / f"clock-{number}")
            clock.jump((number - HOSTS // 2) * 7 * 60)
            variables = {"DATABASE_URL": coupon_database_url, "HTTP_PORT": str(port), "HTTP_WORKERS": "1"}
            scope.enter_context(
                a_process("api", tmp_path / f"log-{number}", **variables, **clock.environment)
            )
        for port in ports:
            wait_until(lambda port=port: answers(port), "a host to be ready", timeout_seconds=120)  # type: ignore[misc]

        def press(port: int, user_id: int, coupon_id: int) -> httpx.Response:
            return httpx.post(f"http://127.0.0.1:{port}/api/v1/users/{user_id}/coupons/{coupon_id}/issue")

        reasons = [press(port, 1, coupon).json()["reason"] for port in ports for coupon in (ended, opens)]
        # Each thrice, with others in between: neighbours' clocks are far apart.
        order = [ports[3 * number % HOSTS] for number in range(3 * HOSTS)]
        accepted = [press(port, user_id, is_open) for user_id, port in enumerate(order, start=1)]

    assert reasons == ["ENDED", "NOT_OPEN_YET"] * HOSTS
    assert {reply.status_code for reply in accepted} == {202}
    by_time = rows(engine, "SELECT user_id FROM coupon_request ORDER BY requested_at")
    assert [row.user_id for row in by_time] == list(range(1, 3 * HOSTS + 1))
    a_handler(engine).handle(published_events(engine))
    [times] = rows(
        engine,
        "SELECT bool_and(requested_at <= decided_at) AS ordered,"
        " max(decided_at) <= clock_timestamp() AS past, bool_and(status = 'ISSUED') AS issued"
        " FROM coupon_request",
    )
    assert tuple(times) == (True, True, True)


def answers(port: int) -> bool:
    try:
        return is_ready(f"http://127.0.0.1:{port}")
    except httpx.HTTPError:
        return False
