"""``ledger verify --gateway`` compares what each payment is worth with what the sandbox has of it."""

# ruff: noqa: S608 - our own ids

from collections.abc import Iterator
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from order_service.cli import main
from provider_sandbox.gateways.portone.account import STORE_ID
from tests.integration.order_service.refunding.test_refunding import REFUNDED, a_refunder
from tests.integration.order_service.refunding.test_refunding_at_gateways import DIALECTS, gateways
from tests.integration.order_service.shop import TOTAL, Shop
from tests.support.gateway_sandbox import GatewaySandbox, serving_gateways


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewaySandbox]:
    with serving_gateways(tmp_path_factory.mktemp("gateways") / "gateways.sqlite") as sandbox:
        yield sandbox


@pytest.fixture(params=["toss", "portone"])
def name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


class AtGateway:
    """A shop whose payments are made there."""

    def __init__(self, shop: Shop, url: str, sandbox: GatewaySandbox, name: str) -> None:
        self.shop = Shop(shop.engine, gateways=gateways(name, sandbox.url))
        settings = {key.upper(): str(value) for key, value in DIALECTS[name].settings(sandbox.url).items()}
        self.environment = {"DATABASE_URL": url, "PAYMENT_GATEWAY": name, **settings}
        self.sandbox, self.name = sandbox, name

    def paid(self) -> UUID:
        order_id = self.shop.placed()
        assert self.shop.pay(order_id, self.authorised(order_id)).status_code == 201
        [(payment_id,)] = self.shop.query("SELECT payment_id FROM payment ORDER BY requested_at DESC LIMIT 1")
        assert isinstance(payment_id, UUID)
        return payment_id

    def authorised(self, order_id: str) -> str:
        """The payment key that the buyer has authorised."""
        payment = self.sandbox.authenticated(self.name, order_id, amount=TOTAL)
        key: str = payment["paymentKey"]
        return key if self.name == "toss" else f"{key}:{payment['paymentToken']}"

    def returned(self) -> UUID:
        """Paid, and all of it returned."""
        payment_id = self.paid()
        self.shop.execute(f"UPDATE payment SET status = 'REFUND_DUE' WHERE payment_id = '{payment_id}'")
        assert a_refunder(self.shop)() == REFUNDED
        return payment_id

    def verify(self) -> Result:
        return self.run("ledger", "verify", "--gateway", "--per-second", "1000")

    def paid_outside(self, payment_id: UUID) -> None:
        """What the gateway refuses to return, an operator pays from a bank account."""
        arguments = ["refunded", str(payment_id), "--outside", "--by", "kim", "--reason", "bank"]
        done = self.run("payments", *arguments)
        assert done.exit_code == 0, done.output

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, env=self.environment)


@pytest.fixture
def at_gateway(
    shop: Shop, order_database_url: str, sandbox: GatewaySandbox, name: str
) -> Iterator[AtGateway]:
    yield AtGateway(shop, order_database_url, sandbox, name)
    sandbox.reset()


def test_gateways_agree_about_what_was_paid_and_returned(at_gateway: AtGateway) -> None:
    at_gateway.paid()
    at_gateway.returned()
    for lines in ([(1, 1)], []):
        [(order_id,)] = at_gateway.shop.query(
            f"SELECT order_id FROM payment WHERE payment_id = '{at_gateway.paid()}'"
        )
        assert at_gateway.shop.cancel(str(order_id), *lines).status_code == 201
    result = at_gateway.verify()
    assert (result.exit_code, "4 payments at gateways" in result.stdout) == (0, True), result.output


def test_what_was_returned_outside_is_still_at_the_gateway(
    at_gateway: AtGateway, sandbox: GatewaySandbox
) -> None:
    shop, name = at_gateway.shop, at_gateway.name
    due, paid = at_gateway.paid(), at_gateway.paid()
    shop.execute(f"UPDATE payment SET status = 'REFUND_DUE' WHERE payment_id = '{due}'")
    at_gateway.paid_outside(due)
    [(order_id,)] = shop.query(f"SELECT order_id::text FROM payment WHERE payment_id = '{paid}'")
    refusal = {"call": "cancel", "kind": "error", "moment": "before", "code": DIALECTS[name].refusal}
    sandbox.fault(name, {**refusal, "times": 1})
    assert shop.cancel(order_id, (1, 1)).get_json()["status"] == "REFUSED"
    at_gateway.paid_outside(paid)

    # All else is returned there, although it has more than is left of the order.
    assert [shop.cancel(order_id, *lines).status_code for lines in ([(1, 1)], [])] == [201, 201]

    assert sandbox.payment(orderId=order_id)["cancellations"] == [15_000, 3_500]
    result = at_gateway.verify()
    assert (result.exit_code, "2 payments at gateways" in result.stdout) == (0, True), result.output


def test_a_gateway_with_another_amount_is_found(at_gateway: AtGateway) -> None:
    paid, returned, other = at_gateway.paid(), at_gateway.returned(), at_gateway.paid()
    # As if the shop believed that a payment was worth less, and another one more, than the gateway does.
    for payment_id, change in ((paid, "- 1"), (returned, "+ 7")):
        at_gateway.shop.execute(
            "INSERT INTO ledger_entry (kind, source_id, payment_id, order_id, occurred_at)"
            " SELECT 'TAKEN_BACK', payment_id, payment_id, order_id, now() FROM payment"
            f" WHERE payment_id = '{payment_id}'"
        )
        at_gateway.shop.execute(
            "INSERT INTO ledger_posting"
            " SELECT max(entry_id), account, 'KRW', amount FROM ledger_entry CROSS JOIN"
            f" (VALUES ('gateway:any', 0 {change}), ('losses', 0 - (0 {change}))) AS posted (account, amount)"
            " GROUP BY account, amount"
        )
    result = at_gateway.verify()
    assert result.exit_code == 1
    listed = result.stdout.partition("gateway_disagrees (2)")[2]
    assert [str(each) in listed for each in (paid, returned, other)] == [True, True, False]


def test_a_gateway_without_an_answer_is_no_difference(at_gateway: AtGateway, sandbox: GatewaySandbox) -> None:
    payment_id = at_gateway.paid()
    faults = [{"call": "look-up", "kind": "cut", "moment": "before", "times": 50}]
    sandbox.fault(at_gateway.name, *faults)
    result = at_gateway.verify()
    assert (result.exit_code, str(payment_id) in result.stdout) == (2, True), result.output


def test_payments_of_another_account_are_not_compared(at_gateway: AtGateway) -> None:
    payment_id = at_gateway.paid()
    at_gateway.environment |= {"TOSS_ACCOUNT": "another", "PORTONE_STORE_ID": STORE_ID + "2"}
    result = at_gateway.verify()
    assert (result.exit_code, str(payment_id) in result.stdout) == (2, True), result.output
