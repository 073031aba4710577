"""``order-service payments``: what operators see and do, and what is kept of it."""

import json
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from order_service.application.refund_due_payments import WORKER
from order_service.cli import main
from order_service.gateways.in_process import InProcessGateway
from servicekit.identifiers import uuid7
from tests.integration.order_service.refunding.test_refunding import (
    A_STEP,
    REFUNDED,
    a_refunder,
    recorded,
    time_passes_for_refunds,
)
from tests.integration.order_service.settling.test_settling import backlog
from tests.integration.order_service.shop import IN_PROGRESS_LIMIT, TOTAL, Shop

WHO_AND_WHY = ("--by", "kim", "--reason", "the buyer called")
OPERATIONS = "SELECT operation, by, because, outcome FROM payment_operation ORDER BY operation_id"


class Operator:
    """Of the shop's database, with the in-process gateway."""

    def __init__(self, url: str) -> None:
        self._environment = {"DATABASE_URL": url, "PAYMENT_GATEWAY": "in-process"}

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["payments", *arguments], env=self._environment)

    def list(self, *arguments: str) -> list[str]:
        """The listed payments' ids."""
        return [found["paymentId"] for found in json.loads(self("list", "--json", *arguments).stdout)]


@pytest.fixture
def operator(order_database_url: str) -> Operator:
    return Operator(order_database_url)


def paid(shop: Shop) -> str:
    payment_id: str = shop.pay(shop.placed()).get_json()["paymentId"]
    return payment_id


def due(shop: Shop) -> str:
    """A payment whose money has to be returned."""
    payment_id = paid(shop)
    shop.execute(f"UPDATE payment SET status = 'REFUND_DUE' WHERE payment_id = '{payment_id}'")  # noqa: S608
    return payment_id


def test_payments_are_listed_by_what_is_asked_for(shop: Shop, operator: Operator) -> None:
    first, second, third = paid(shop), due(shop), due(shop)
    assert operator("refund", second, *WHO_AND_WHY).exit_code == 0

    assert operator.list() == [third, second, first]
    assert operator.list("--limit", "1", "--before", third) == [second]
    assert operator.list("--state", "APPROVED") == [first]
    assert operator.list("--state", "refund_due") == [third]
    assert operator.list("--state", "REFUNDED") == [second]
    assert operator.list("--state", "REFUND_REFUSED") == []
    assert operator.list("--gateway", "toss") == []
    [(order_id,)] = shop.query(f"SELECT order_id FROM payment WHERE payment_id = '{first}'")  # noqa: S608
    assert operator.list("--gateway", "in-process", "--order", str(order_id)) == [first]
    table = operator("list", "--limit", "2").stdout.splitlines()
    assert table[0].split()[:3] == ["PAYMENT", "ID", "STATUS"]
    assert table[-1] == f"more with --before {second}"


def test_a_payment_is_shown_with_its_order_and_its_history(shop: Shop, operator: Operator) -> None:
    payment_id = due(shop)
    operator("refund", payment_id, *WHO_AND_WHY)

    shown = operator("show", payment_id, "--json").stdout
    found = json.loads(shown)

    assert (found["amount"], found["refund"], found["refundedBy"]) == (TOTAL, "REFUNDED", "kim")
    assert found["order"]["status"] == "COMPLETED"
    [operation] = found["operations"]
    assert (operation["operation"], operation["by"], operation["reason"]) == (
        "REFUND", "kim", "the buyer called"
    )  # fmt: skip
    assert operation["outcome"] == found["refundRequest"]["status"] == "REFUNDED"
    table = operator("show", payment_id).stdout
    assert "the buyer called" in table
    # What the gateway charges by, and who ordered, are nobody's business here.
    assert not any(secret in shown + table for secret in ("pay-", "김하늘", "010-1234"))


def test_a_refund_is_made_once_and_kept_with_who_and_why(shop: Shop, operator: Operator) -> None:
    payment_id = due(shop)

    made = operator("refund", payment_id, *WHO_AND_WHY)
    again = operator("refund", payment_id, "--by", "lee", "--reason", "again")

    assert (made.exit_code, made.stdout) == (0, f"payment {payment_id} is refunded\n")
    assert (again.exit_code, again.stderr) == (2, f"Error: payment {payment_id} is refunded already\n")
    assert recorded(shop) == [("kim", True)]
    assert shop.query(OPERATIONS) == [("REFUND", "kim", "the buyer called", "REFUNDED")]


def test_the_refund_of_a_completed_order_is_refused(shop: Shop, operator: Operator) -> None:
    payment_id = paid(shop)

    refused = operator("refund", payment_id, *WHO_AND_WHY)

    assert refused.exit_code == 2
    assert "which is completed" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert (shop.payment_statuses(), shop.count("payment_operation")) == (["APPROVED"], 0)


def test_many_refunds_are_counted_first(shop: Shop, operator: Operator) -> None:
    for _ in range(2):
        due(shop)
    paid(shop)

    counted = operator("refund", "--all", *WHO_AND_WHY)
    assert (counted.exit_code, counted.stdout.split(";")[0]) == (0, "2 would be refunded")
    assert shop.count("payment_operation") == 0

    assert operator("refund", "--all", "--yes", *WHO_AND_WHY).exit_code == 0
    assert [row[0] for row in recorded(shop)].count("kim") == 2


def test_an_operators_refund_and_its_record_are_one_commit(shop: Shop, operator: Operator) -> None:
    payment_id = due(shop)
    shop.execute("ALTER TABLE payment_operation ADD CONSTRAINT broken CHECK (outcome IS NULL)")

    assert operator("refund", payment_id, *WHO_AND_WHY).exit_code == 1
    assert (recorded(shop), shop.query("SELECT status FROM refund")) == ([(None, False)], [("DUE",)])
    # Kept before the gateway is asked: whatever dies then, who and why are known.
    assert shop.query(OPERATIONS) == [("REFUND", "kim", "the buyer called", None)]

    # Whatever became of it, the worker goes on.
    time_passes_for_refunds(shop)
    assert a_refunder(shop, InProcessGateway())() == REFUNDED
    assert recorded(shop) == [(WORKER, True)]


def test_an_operator_waits_for_a_worker_that_is_asking(shop: Shop, operator: Operator) -> None:
    payment_id = due(shop)
    shop.gateway.refunds_without_answer = 1
    assert a_refunder(shop)() == A_STEP
    shop.execute("UPDATE refund SET claimed_until = clock_timestamp() + interval '80 seconds'")

    for command in ("refund", "refunded"):
        busy = operator(command, payment_id, *WHO_AND_WHY)
        assert (busy.exit_code, "another process is refunding" in busy.stderr) == (1, True)
    assert shop.count("payment_operation") == 0


def test_money_returned_by_hand_is_recorded(shop: Shop, operator: Operator) -> None:
    payment_id = due(shop)

    assert operator("refunded", payment_id, *WHO_AND_WHY).exit_code == 0

    assert (recorded(shop), operator.list("--state", "REFUND_DUE")) == ([("kim", True)], [])
    assert shop.query(OPERATIONS) == [("RECORD_REFUND", "kim", "the buyer called", "RECORDED")]
    assert operator("refunded", payment_id, *WHO_AND_WHY).exit_code == 2


@pytest.mark.parametrize(
    ("options", "outcome", "credited"),
    [
        ([], "RECORDED", [("sales",)]),
        (["--outside"], "RECORDED_OUTSIDE", [("returned-outside",), ("sales",)]),
    ],
    ids=["at the gateway", "outside"],
)
def test_where_money_was_returned_by_hand_is_kept(
    shop: Shop, operator: Operator, options: list[str], outcome: str, credited: list[tuple[str]]
) -> None:
    payment_id = due(shop)
    assert operator("refunded", payment_id, *options, *WHO_AND_WHY).exit_code == 0
    shown = json.loads(operator("show", payment_id, "--json").stdout)
    assert shown["refundRequest"]["returnedOutside"] is bool(options)
    assert shown["operations"][0]["outcome"] == outcome
    query = "SELECT account FROM ledger_posting GROUP BY account HAVING sum(amount) < 0 ORDER BY account"
    assert shop.query(query) == credited


def test_money_the_gateway_may_be_returning_is_not_recorded_by_hand(shop: Shop, operator: Operator) -> None:
    payment_id = due(shop)
    shop.gateway.refunds_without_answer = 1
    assert a_refunder(shop)() == A_STEP

    busy = operator("refunded", payment_id, *WHO_AND_WHY)

    assert (busy.exit_code, "the gateway may still be refunding" in busy.stderr) == (1, True)
    assert (recorded(shop), shop.count("payment_operation")) == ([(None, False)], 0)
    time_passes_for_refunds(shop)
    assert operator("refunded", payment_id, *WHO_AND_WHY).exit_code == 0
    assert recorded(shop) == [("kim", True)]


def test_money_taken_back_is_seen_until_an_operator_acknowledges_it(shop: Shop, operator: Operator) -> None:
    payment_id, other = paid(shop), paid(shop)
    assert operator("acknowledge", payment_id, *WHO_AND_WHY).exit_code == 2
    # As once a gateway has said so twice.
    shop.execute(f"UPDATE payment SET taken_back_at = now() WHERE payment_id = '{payment_id}'")  # noqa: S608
    assert (backlog(shop).taken_back, operator.list("--state", "TAKEN_BACK")) == (1, [payment_id])

    done = operator("acknowledge", payment_id, *WHO_AND_WHY)

    assert (done.exit_code, done.stdout) == (0, f"payment {payment_id} is acknowledged\n")
    assert (backlog(shop).taken_back, operator.list("--state", "TAKEN_BACK")) == (0, [])
    assert shop.query(OPERATIONS) == [("ACKNOWLEDGE", "kim", "the buyer called", "ACKNOWLEDGED")]
    again = operator("acknowledge", payment_id, *WHO_AND_WHY)
    assert (again.exit_code, again.stderr) == (2, f"Error: payment {payment_id} is acknowledged already\n")
    assert set(operator.list("--state", "APPROVED")) == {payment_id, other}
    shown = json.loads(operator("show", payment_id, "--json").stdout)
    assert None not in (shown["takenBackAt"], shown["acknowledgedAt"])


def test_a_look_up_settles_what_was_unknown(shop: Shop, operator: Operator) -> None:
    order_id = shop.placed()
    assert shop.pay(order_id, "silent-1").status_code == 504
    [(payment_id,)] = shop.query("SELECT payment_id FROM payment")

    found = operator("look-up", str(payment_id), *WHO_AND_WHY)

    assert (found.exit_code, found.stdout) == (
        0, f"payment {payment_id} is APPROVED; its gateway answered Approved\n"
    )  # fmt: skip
    assert (shop.order(order_id)["status"], len(shop.events())) == ("COMPLETED", 1)
    assert shop.query(OPERATIONS) == [("LOOK_UP", "kim", "the buyer called", "APPROVED, answer: Approved")]
    # At most once a second, and it changes nothing more.
    shop.execute("UPDATE payment SET looked_up_at = clock_timestamp() + interval '1 minute'")
    assert operator("look-up", str(payment_id), *WHO_AND_WHY).exit_code == 1
    shop.execute("UPDATE payment SET looked_up_at = clock_timestamp() - interval '1 second'")
    assert operator("look-up", str(payment_id), *WHO_AND_WHY).exit_code == 0
    assert (len(shop.events()), shop.count("payment_operation")) == (1, 2)


def test_a_look_up_leaves_a_request_in_progress_alone(shop: Shop, operator: Operator) -> None:
    shop.pay(shop.placed(), "silent-1")
    shop.execute("UPDATE payment SET status = 'REQUESTED'")
    [(payment_id,)] = shop.query("SELECT payment_id FROM payment")

    assert operator("look-up", str(payment_id), *WHO_AND_WHY).exit_code == 1
    shop.time_passes(IN_PROGRESS_LIMIT)
    assert operator("look-up", "--all", "--state", "REQUESTED", "--yes", *WHO_AND_WHY).exit_code == 0
    assert shop.payment_statuses() == ["APPROVED"]


A_PAYMENT = str(UUID(int=7))
BAD_INPUT = {
    "nobody": ("refund", A_PAYMENT, "--reason", "x"),
    "no reason": ("refund", A_PAYMENT, "--by", "kim"),
    "a blank name": ("refund", A_PAYMENT, "--by", " ", "--reason", "x"),
    "a long reason": ("look-up", A_PAYMENT, "--by", "kim", "--reason", "x" * 1_001),
    "no id": ("refunded", "7", *WHO_AND_WHY),
    "an unknown payment": ("refund", A_PAYMENT, *WHO_AND_WHY),
    "an unknown payment to look up": ("look-up", A_PAYMENT, *WHO_AND_WHY),
    "an unknown payment to acknowledge": ("acknowledge", A_PAYMENT, *WHO_AND_WHY),
    "an unknown payment to show": ("show", A_PAYMENT),
    "neither ids nor all": ("refund", *WHO_AND_WHY),
    "ids and all": ("refund", A_PAYMENT, "--all", *WHO_AND_WHY),
    "ids and a filter": ("refund", A_PAYMENT, "--state", "APPROVED", *WHO_AND_WHY),
    "all of no state": ("look-up", "--all", *WHO_AND_WHY),
    "an unknown state": ("list", "--state", "PAID"),
    "no limit": ("list", "--limit", "0"),
}


@pytest.mark.parametrize("arguments", BAD_INPUT.values(), ids=BAD_INPUT.keys())
def test_bad_input_is_one_line(shop: Shop, operator: Operator, arguments: tuple[str, ...]) -> None:
    refused = operator(*arguments)
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (2, 1)
    assert refused.stderr.startswith("Error: ")
    assert shop.count("payment_operation") == 0


def test_several_are_done_although_one_is_wrong(shop: Shop, operator: Operator) -> None:
    payment_id = due(shop)
    done = operator("refund", str(uuid7()), payment_id, *WHO_AND_WHY)
    assert (done.exit_code, done.stdout) == (2, f"payment {payment_id} is refunded\n")
