"""Each API process sees within a second what became of a coupon, whichever process changed it."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from devstack.free_ports import find_free_ports
from tests.integration.coupon_service.lives import operate, succeed
from tests.integration.coupon_service.operations.test_processes import a_process, is_ready
from tests.integration.coupon_service.service import create_coupon
from tests.support.waiting import wait_until

SEEN_WITHIN_SECONDS = 1.0
_users = itertools.count(1)


@pytest.fixture
def urls(coupon_database_url: str, tmp_path: Path) -> Iterator[list[str]]:
    """Of two API processes, neither of which makes a change."""
    ports = find_free_ports(2)
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    with ExitStack() as scope:
        for port in ports:
            variables = {"HTTP_PORT": str(port), "HTTP_WORKERS": "1"}
            log = tmp_path / f"{port}.log"
            scope.enter_context(a_process("api", log, DATABASE_URL=coupon_database_url, **variables))
        for url in urls:
            wait_until(lambda url=url: is_ready(url), f"{url} to be ready")  # type: ignore[misc]
        yield urls


def answer(url: str, coupon_id: int) -> str | None:
    """The reason of a refusal; None where the press is accepted."""
    reply = httpx.post(f"{url}/api/v1/users/{next(_users)}/coupons/{coupon_id}/issue")
    assert reply.status_code in (202, 409), reply.text
    return None if reply.status_code == 202 else str(reply.json()["reason"])


def stale_seconds(urls: list[str], coupon_id: int, expected: str | None) -> dict[str, float]:
    """For each process: how long after now the last press was sent that it answered by the former state."""
    changed_at, stale, late = time.monotonic(), dict.fromkeys(urls, 0.0), set(urls)

    def all_see_it() -> bool:
        for url in tuple(late):
            sent_after = time.monotonic() - changed_at
            if answer(url, coupon_id) == expected:
                late.discard(url)
            else:
                stale[url] = sent_after
        return not late

    wait_until(all_see_it, f"{late} to answer {expected}")
    return stale


def test_every_process_sees_every_change_within_a_second(
    client: FlaskClient, engine: Engine, urls: list[str]
) -> None:
    coupon_id = create_coupon(client, totalQuantity=1)
    assert [answer(url, coupon_id) for url in urls] == [None, None]

    def sell_out() -> None:
        with engine.begin() as worker:
            worker.execute(text("UPDATE coupon SET issued_quantity = 1, decided_count = 1"))

    def by_operator(verb: str, **more: int) -> Callable[[], None]:
        def change() -> None:
            succeed(operate(client, coupon_id, verb, key=f"{verb}-1", **more))

        return change

    seen: dict[str, dict[str, float]] = {}
    for what, change, reason in (
        ("paused", by_operator("pause"), "PAUSED"),
        ("resumed", by_operator("resume"), None),
        ("sold out", sell_out, "SOLD_OUT"),
        ("more stock", by_operator("stock", quantity=10_000), None),
        ("ended", by_operator("end"), "ENDED"),
    ):
        change()
        seen[what] = stale_seconds(urls, coupon_id, reason)

    late = [(what, url) for what, each in seen.items() for url in each if each[url] > SEEN_WITHIN_SECONDS]
    # One of the ten may be the machine's, which stood still.
    assert len(late) <= 1, seen
