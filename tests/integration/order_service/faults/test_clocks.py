"""Hosts whose clocks are wrong: only the database's clock decides."""

from pathlib import Path

import httpx
import pytest

from devstack.free_ports import find_free_ports
from tests.integration.order_service.ledger_gateway import CallerDied
from tests.integration.order_service.operations.test_process import an_api
from tests.integration.order_service.shop import Shop, a_payment_body
from tests.support.clock_jumps import JumpingClock


def test_a_host_that_is_three_minutes_ahead_takes_over_no_payment_early(
    shop: Shop, order_database_url: str, tmp_path: Path
) -> None:
    order_id = shop.placed()
    with pytest.raises(CallerDied):
        shop.pay(order_id, "fatal-1")
    clock = JumpingClock(tmp_path / "clock")
    clock.jump(180)
    [port] = find_free_ports(1)

    with an_api(order_database_url, port, tmp_path / "log", **clock.environment):
        payments = f"http://127.0.0.1:{port}/api/v1/orders/{order_id}/payments"
        reply = httpx.post(payments, json=a_payment_body("pay-2"))

    # The other host may still wait for the gateway, whose look-up would not find the attempt yet.
    assert (reply.status_code, reply.json()["type"]) == (409, "urn:problem:payment-in-progress")
    assert shop.payment_statuses() == ["REQUESTED"]
