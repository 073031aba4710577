"""A gateway that declines a payment and has its money all the same is found out, and returns it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from order_service.application.ports import ASKED_AGAIN_AFTER
from order_service.application.settle_unsettled_payments import LookUps
from tests.integration.order_service.hints import a_follower, time_passes_for_hints
from tests.integration.order_service.ledger.test_ledger_at_gateways import AtGateway
from tests.integration.order_service.refunding.test_refunding import REFUNDED, a_refunder
from tests.integration.order_service.shop import TOTAL, Shop, slug
from tests.support.gateway_sandbox import GatewaySandbox, serving_gateways

CODES = {"toss": "REJECT_CARD_PAYMENT", "portone": "INVALID_PAYMENT_TOKEN"}
NOTHING = LookUps()
A_MINUTE_SECONDS = 61.0
UNTIL_ASKED_AGAIN = ASKED_AGAIN_AFTER.total_seconds()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewaySandbox]:
    with serving_gateways(tmp_path_factory.mktemp("gateways") / "gateways.sqlite") as sandbox:
        yield sandbox


@pytest.fixture(params=["toss", "portone"])
def at_gateway(
    request: pytest.FixtureRequest, shop: Shop, order_database_url: str, sandbox: GatewaySandbox
) -> Iterator[AtGateway]:
    yield AtGateway(shop, order_database_url, sandbox, request.param)
    sandbox.reset()


def declined(at_gateway: AtGateway, moment: str) -> str:
    """The key of a payment that the gateway refuses, ``after`` or ``before`` it has taken the money."""
    shop, name = at_gateway.shop, at_gateway.name
    order_id = shop.placed()
    key = at_gateway.authorised(order_id)
    at_gateway.sandbox.fault(
        name, {"call": "confirm", "kind": "error", "moment": moment, "code": CODES[name]}
    )
    reply = shop.pay(order_id, key, key="k-1")
    assert (reply.status_code, slug(reply)) == (402, "payment-declined")
    return key


def follow(at_gateway: AtGateway) -> LookUps:
    gateways = at_gateway.shop.gateways
    assert gateways is not None
    return a_follower(at_gateway.shop.engine, gateways, at_gateway.name)()


def test_what_it_took_all_the_same_is_returned_without_a_webhook(at_gateway: AtGateway) -> None:
    declined(at_gateway, "after")
    shop = at_gateway.shop
    assert (follow(at_gateway), shop.payment_statuses()) == (NOTHING, ["DECLINED"])

    time_passes_for_hints(shop, UNTIL_ASKED_AGAIN)
    assert follow(at_gateway).looked_up == 1
    assert (shop.payment_statuses(), shop.count("payment_hint")) == (["REFUND_DUE"], 0)
    assert a_refunder(shop)() == REFUNDED

    [(order_id,)] = shop.query("SELECT order_id::text FROM payment")
    assert at_gateway.sandbox.payment(orderId=order_id)["cancelledAmount"] == TOTAL
    assert at_gateway.verify().exit_code == 0


def test_a_true_refusal_is_asked_about_once_more(at_gateway: AtGateway) -> None:
    declined(at_gateway, "before")
    # At the sandbox the buyer's authorisation is still good.
    looked_up = 0
    for _ in range(10):
        at_gateway.shop.time_passes(timedelta(minutes=2))
        time_passes_for_hints(at_gateway.shop, 20 * A_MINUTE_SECONDS)
        looked_up += follow(at_gateway).looked_up

    assert looked_up == 1
    assert at_gateway.shop.count("payment_hint") == 0
    assert at_gateway.shop.payment_statuses() == ["DECLINED"]


def test_a_question_without_an_answer_is_asked_again(at_gateway: AtGateway) -> None:
    declined(at_gateway, "after")
    shop, look_up = at_gateway.shop, {"call": "look-up", "kind": "cut", "moment": "before"}
    time_passes_for_hints(shop, UNTIL_ASKED_AGAIN)
    at_gateway.sandbox.fault(at_gateway.name, look_up)
    assert follow(at_gateway).looked_up == 1
    assert shop.payment_statuses() == ["DECLINED"]

    at_gateway.sandbox.fault(at_gateway.name)
    time_passes_for_hints(shop, 20 * A_MINUTE_SECONDS)
    assert follow(at_gateway).looked_up == 1
    assert shop.payment_statuses() == ["REFUND_DUE"]


def test_the_ledger_is_compared_with_what_was_declined(at_gateway: AtGateway) -> None:
    declined(at_gateway, "after")
    result = at_gateway.verify()
    [(payment_id,)] = at_gateway.shop.query("SELECT payment_id::text FROM payment")
    listed = result.stdout.partition("gateway_disagrees (1)")[2]
    assert (result.exit_code, payment_id in listed) == (1, True), result.output

    at_gateway.shop.execute("UPDATE payment SET status = 'ABANDONED', decline_code = NULL")
    assert at_gateway.verify().exit_code == 1


def test_a_key_that_was_declined_before_it_paid_is_no_difference(at_gateway: AtGateway) -> None:
    key = declined(at_gateway, "before")
    shop = at_gateway.shop
    [(order_id,)] = shop.query("SELECT order_id::text FROM payment")
    assert shop.pay(order_id, key, key="k-2").status_code == 201

    result = at_gateway.verify()

    assert (result.exit_code, "1 payments at gateways" in result.stdout) == (0, True), result.output
    assert "declined" not in result.stdout


def test_what_no_gateway_says_of_a_declined_payment_is_no_difference(at_gateway: AtGateway) -> None:
    declined(at_gateway, "after")
    faults = {"call": "look-up", "kind": "cut", "moment": "before", "times": 50}
    at_gateway.sandbox.fault(at_gateway.name, faults)
    result = at_gateway.verify()
    assert (result.exit_code, "not compared (1)" in result.stdout) == (2, True), result.output
