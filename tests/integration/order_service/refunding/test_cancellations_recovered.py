"""A cancellation ends once, whatever is lost or killed, and in any process that learns of its refund."""

import json

import pytest

from order_service.application.refund_due_payments import WORKER, RefundsDone
from order_service.domain.money import Money
from order_service.domain.payment import Payment
from order_service.domain.payment_outcome import Declined
from order_service.domain.refund_outcome import RefundOutcome
from order_service.domain.refund_request import RefundRequest
from order_service.gateways.toss.webhooks import parse_webhook
from tests.integration.order_service.hints import a_follower, a_toss_body, report, time_passes_for_hints
from tests.integration.order_service.ledger_gateway import CallerDied, LedgerGateway
from tests.integration.order_service.operations.test_beside_the_former_release import refused
from tests.integration.order_service.orders.test_stock import STOCK, stock
from tests.integration.order_service.refunding.test_cancelling import cancelled, returned
from tests.integration.order_service.refunding.test_refunding import (
    NOTHING,
    REFUNDED,
    a_refunder,
    time_passes_for_refunds,
)
from tests.integration.order_service.settling.test_payments_commands import OPERATIONS, WHO_AND_WHY, Operator
from tests.integration.order_service.settling.test_settling import backlog
from tests.integration.order_service.shop import TOTAL, Shop, an_order_of, slug
from tests.support.order_books import Books


@pytest.fixture
def operator(order_database_url: str) -> Operator:
    return Operator(order_database_url)


@pytest.fixture
def order_id(shop: Shop) -> str:
    """A paid order of two pieces of the catalogue."""
    shop.add_product("C-1")
    return shop.paid(an_order_of(("C-1", 2)))


def assert_ended_once(shop: Shop, order_id: str, amount: int = 24_000) -> None:
    order = shop.order(order_id)
    assert (order["status"], [each["status"] for each in order["cancellations"]]) == (
        "CANCELLED", ["CANCELLED"]
    )  # fmt: skip
    assert (stock(shop), backlog(shop).refunds_due) == ({"C-1": STOCK}, 0)
    [event] = cancelled(shop)
    assert event["cancelledAmount"] == amount


def killed(shop: Shop, order_id: str, moment: str) -> None:
    def die(*_: object) -> None:
        raise CallerDied

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop.gateway, moment, die)
        with pytest.raises(CallerDied):
            shop.cancel(order_id, key="k-1")


@pytest.mark.parametrize(("moment", "steps"), [("before_returning", 2), ("after_returning", 1)])
def test_a_cancellation_whose_process_died_is_ended_by_the_worker(
    shop: Shop, order_id: str, moment: str, steps: int
) -> None:
    killed(shop, order_id, moment)
    assert (shop.order(order_id)["status"], cancelled(shop)) == ("COMPLETED", [])
    assert shop.cancel(order_id, key="k-1").status_code == 202

    for _ in range(steps):
        time_passes_for_refunds(shop)
        done = a_refunder(shop)()

    assert done == REFUNDED
    assert_ended_once(shop, order_id)
    assert returned(shop) == [24_000]
    assert shop.cancel(order_id, key="k-1").status_code == 201
    assert shop.query("SELECT refunded_by FROM refund") == [(WORKER,)]


def test_an_answer_that_can_not_be_stored_is_asked_for_again(shop: Shop, order_id: str) -> None:
    shop.execute("ALTER TABLE outbox ADD CONSTRAINT nothing CHECK (type <> 'OrderCancelled') NOT VALID")
    assert shop.cancel(order_id).status_code == 500
    assert (stock(shop)["C-1"], shop.query("SELECT status FROM refund")) == (STOCK - 2, [("DUE",)])

    shop.execute("ALTER TABLE outbox DROP CONSTRAINT nothing")
    time_passes_for_refunds(shop)
    assert a_refunder(shop)() == REFUNDED
    assert_ended_once(shop, order_id)
    assert returned(shop) == [24_000]


def test_two_workers_that_find_it_returned_end_it_once(shop: Shop, order_id: str) -> None:
    killed(shop, order_id, "after_returning")
    time_passes_for_refunds(shop)
    find, found = shop.gateway.find_refund, list[RefundsDone]()

    def find_slowly(request: RefundRequest) -> RefundOutcome:
        if not found:
            # The first one's lease ends meanwhile, and another one asks as well.
            found.append(NOTHING)
            time_passes_for_refunds(shop)
            found.append(a_refunder(shop)())
        return find(request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop.gateway, "find_refund", find_slowly)
        a_refunder(shop)()

    assert found == [NOTHING, REFUNDED]
    assert_ended_once(shop, order_id)


def test_an_operator_ends_what_the_gateway_had_refused(shop: Shop, order_id: str, operator: Operator) -> None:
    shop.gateway.refund_refusal = "NOT_AVAILABLE_BANK"
    assert shop.cancel(order_id).get_json()["status"] == "REFUSED"
    time_passes_for_refunds(shop)
    [payment_id] = operator.list("--state", "REFUND_REFUSED")
    assert operator.list("--state", "REFUND_DUE") == [payment_id]

    # The in-process gateway returns it.
    made = operator("refund", payment_id, *WHO_AND_WHY)

    assert (made.exit_code, made.stdout) == (0, f"payment {payment_id} is refunded\n")
    assert_ended_once(shop, order_id)
    assert shop.query(OPERATIONS) == [("REFUND", "kim", "the buyer called", "REFUNDED")]
    assert operator.list("--state", "REFUNDED") == [payment_id]
    shown = json.loads(operator("show", payment_id, "--json").stdout)
    assert (shown["order"]["status"], shown["refund"]) == ("CANCELLED", "REFUNDED")
    [cancellation] = shown["cancellations"]
    assert (cancellation["status"], cancellation["amount"], cancellation["pieces"]) == (
        "CANCELLED", 24_000, 2
    )  # fmt: skip
    assert "단순 변심" in operator("show", payment_id).stdout
    again = operator("refund", payment_id, *WHO_AND_WHY)
    assert (again.exit_code, len(cancelled(shop))) == (2, 1)


def test_money_that_was_returned_by_hand_ends_a_cancellation(
    shop: Shop, order_id: str, operator: Operator
) -> None:
    shop.gateway.refund_refusal = "NOT_AVAILABLE_BANK"
    shop.cancel(order_id, (1, 1))
    [payment_id] = operator.list()

    recorded = operator("refunded", payment_id, *WHO_AND_WHY)

    assert recorded.exit_code == 0, recorded.stderr
    order = shop.order(order_id)
    assert (order["status"], order["cancellations"][0]["status"]) == ("COMPLETED", "CANCELLED")
    assert (stock(shop)["C-1"], [event["isWhole"] for event in cancelled(shop)]) == (STOCK - 1, [False])
    assert "PARTLY_REFUNDED" in operator("list").stdout
    assert operator("refunded", payment_id, *WHO_AND_WHY).exit_code == 2


@pytest.fixture
def toss_shop(shop: Shop) -> Shop:
    """A shop at a gateway that sends webhooks."""
    return Shop(shop.engine, LedgerGateway("toss", "account-1"), webhooks={"toss": parse_webhook})


def canceled_at_gateway(shop: Shop, order_id: str, taken_back: list[Payment]) -> None:
    """The gateway shows that nothing is left, and says so in a webhook."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop.gateway, "find", lambda request, asked_at: Declined("CANCELED"))
        report(shop, a_toss_body(order_id, f"pay-{order_id}", "CANCELED"))
        follow = a_follower(shop.engine, shop.gateway, report=taken_back.append)
        for _ in range(2):
            time_passes_for_hints(shop, 61)
            follow()


def test_a_cancelled_orders_money_is_not_taken_back(toss_shop: Shop) -> None:
    order_id, taken_back = toss_shop.paid(), list[Payment]()
    assert toss_shop.cancel(order_id).status_code == 201

    canceled_at_gateway(toss_shop, order_id, taken_back)

    assert (taken_back, toss_shop.count("payment_hint")) == ([], 0)
    # What it says is known, so that nobody asks.
    assert toss_shop.gateway.looked_up == []


def test_money_that_a_cancellation_does_not_return_is_taken_back(toss_shop: Shop) -> None:
    order_id, taken_back = toss_shop.paid(), list[Payment]()
    assert toss_shop.cancel(order_id, (1, 1)).status_code == 201

    canceled_at_gateway(toss_shop, order_id, taken_back)

    assert len(taken_back) == 1


def test_only_the_rest_is_cancelled_of_what_was_taken_back(toss_shop: Shop) -> None:
    toss_shop.add_product("C-1")
    order_id, taken_back = toss_shop.paid(an_order_of(("C-1", 3))), list[Payment]()
    assert toss_shop.cancel(order_id, (1, 1)).status_code == 201
    canceled_at_gateway(toss_shop, order_id, taken_back)

    refused = toss_shop.cancel(order_id, (1, 1))

    assert (refused.status_code, slug(refused), len(taken_back)) == (409, "payment-taken-back", 1)
    assert (toss_shop.count("refund"), toss_shop.order(order_id)["leftAmount"]) == (1, 24_000)

    # The gateway answers that this was returned before.
    rest = toss_shop.cancel(order_id, (1, 2))

    assert (rest.status_code, rest.get_json()["status"]) == (201, "CANCELLED")
    assert stock(toss_shop)["C-1"] == STOCK
    books = Books(toss_shop.engine)
    [(payment_id, refund_id)] = toss_shop.query(
        "SELECT payment_id, refund_id FROM refund WHERE amount = 24000"
    )
    assert books.postings("TAKEN_BACK", payment_id) == {"gateway:toss/account-1": -24_000, "losses": 24_000}
    assert books.postings("MONEY_RETURNED", refund_id) == {"losses": -24_000, "refunds-payable": 24_000}
    assert books.differences() == {}


def test_a_refused_cancellation_made_at_the_gateways_console_ends(toss_shop: Shop) -> None:
    order_id, taken_back = toss_shop.paid(), list[Payment]()
    toss_shop.gateway.refund_refusal = "NOT_AVAILABLE_BANK"
    assert toss_shop.cancel(order_id).get_json()["status"] == "REFUSED"
    [(refund_id,)] = toss_shop.query("SELECT refund_id FROM refund")
    toss_shop.gateway.returned[refund_id] = Money(TOTAL, "KRW")

    canceled_at_gateway(toss_shop, order_id, taken_back)
    time_passes_for_refunds(toss_shop)

    assert a_refunder(toss_shop)() == REFUNDED
    assert (taken_back, toss_shop.order(order_id)["status"]) == ([], "CANCELLED")
    assert len(cancelled(toss_shop)) == 1


def test_the_former_release_ends_no_refund_of_a_cancellation(shop: Shop, order_id: str) -> None:
    shop.gateway.refunds_without_answer = 1
    assert shop.cancel(order_id).status_code == 202
    with refused(shop, "refund_ends_its_cancellation") as connection:
        connection.exec_driver_sql(
            "UPDATE refund SET status = 'REFUNDED', refunded_at = now(), refunded_by = 'order-worker'"
        )
    for _ in range(2):
        time_passes_for_refunds(shop)
        a_refunder(shop)()
    assert_ended_once(shop, order_id)
