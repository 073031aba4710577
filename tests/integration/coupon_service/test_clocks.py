"""Hosts whose clocks are wrong: only the database's clock decides."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from flask.testing import FlaskClient
from sqlalchemy import Engine

from devstack.free_ports import find_free_ports
from tests.integration.coupon_service.builders import a_coupon_body
from tests.integration.coupon_service.service import a_handler, published_events, rows
from tests.integration.coupon_service.test_processes import a_process, is_ready
from tests.support.clock_jumps import JumpingClock
from tests.support.waiting import wait_until

AHEAD_SECONDS = 3 * 60


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
        a_handler(engine).handle(published_events(engine))
        request = httpx.get(url + pressed.headers["Location"]).json()

    assert (request["status"], request["reason"]) == ("REJECTED", "NOT_STARTED")
    assert (created.json()["status"], read["status"]) == ("SCHEDULED", "SCHEDULED")
    [times] = rows(
        engine,
        "SELECT requested_at <= decided_at AS ordered, decided_at <= clock_timestamp() AS past"
        " FROM coupon_request",
    )
    assert tuple(times) == (True, True)
