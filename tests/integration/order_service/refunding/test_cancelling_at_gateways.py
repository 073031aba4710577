"""Pieces of orders are cancelled at gateways as these do it: by parts, with lost replies, and refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from order_service.domain.refund_outcome import Refunded
from tests.integration.order_service.refunding.test_cancelling import cancelled
from tests.integration.order_service.refunding.test_refunding_at_gateways import (
    DIALECTS,
    Refunding,
    a_paid_order,
)
from tests.integration.order_service.shop import Shop
from tests.support.gateway_sandbox import GatewaySandbox, serving_gateways


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewaySandbox]:
    folder: Path = tmp_path_factory.mktemp("gateways")
    with serving_gateways(folder / "gateways.sqlite") as sandbox:
        yield sandbox


@pytest.fixture(params=["toss", "portone"])
def sale(request: pytest.FixtureRequest, shop: Shop, sandbox: GatewaySandbox) -> Iterator[Refunding]:
    yield a_paid_order(shop, sandbox, request.param)
    sandbox.fault(request.param)


def test_an_order_is_cancelled_by_parts(sale: Refunding) -> None:
    statuses = [sale.shop.cancel(sale.order_id, *lines).status_code for lines in ([(1, 1)], [(2, 1)], [])]

    assert (statuses, sale.returned()) == ([201] * 3, [15_000, 3_500, 15_000])
    order = sale.shop.order(sale.order_id)
    assert (order["status"], order["leftAmount"]) == ("CANCELLED", 0)
    assert [event["remainingAmount"] for event in cancelled(sale.shop)] == [18_500, 15_000, 0]


def test_a_part_whose_reply_was_lost_is_returned_once(sale: Refunding) -> None:
    sale.fails("cut", moment="after")
    assert sale.shop.cancel(sale.order_id, (1, 1)).status_code == 202

    assert sale.is_refunded_within()

    assert sale.returned() == [15_000]
    # A part as large is another one.
    assert sale.shop.cancel(sale.order_id, (1, 1)).status_code == 201
    assert (sale.returned(), len(cancelled(sale.shop))) == ([15_000] * 2, 2)


def test_a_refused_part_is_returned_once_it_is_tried_again(sale: Refunding) -> None:
    sale.fails("error", code=DIALECTS[sale.gateway].refusal)
    reply = sale.shop.cancel(sale.order_id, (1, 1))
    assert (reply.status_code, reply.get_json()["status"]) == (202, "REFUSED")
    assert not sale.is_refunded_within(1)

    assert isinstance(sale.tried_again(), Refunded)

    assert sale.returned() == [15_000]
    [cancellation] = sale.shop.order(sale.order_id)["cancellations"]
    assert (cancellation["status"], len(cancelled(sale.shop))) == ("CANCELLED", 1)
