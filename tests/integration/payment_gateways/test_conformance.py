"""Every gateway answers alike, whatever happens to a payment."""

import pytest

from order_service.domain.errors import GatewayMisconfigured
from order_service.domain.payment_outcome import Approved, Unanswered, Undecided, Unpaid
from order_service.domain.refund_outcome import NotRefunded, Refunded
from tests.integration.payment_gateways.connection import Connection
from tests.integration.payment_gateways.gateways import GATEWAYS
from tests.integration.payment_gateways.situations import (
    APPROVE,
    AWAY,
    FIND,
    FIND_REFUND,
    REFUND,
    SITUATIONS,
    UNREADABLE_APPROVALS,
    UNREADABLE_REFUNDS,
    VOID,
    Situation,
)
from tests.integration.payment_gateways.steps import (
    approve,
    find,
    find_late,
    find_refund,
    goes_wrong,
    next_attempt,
    refund,
    taken,
)
from tests.support.waiting import wait_until


def check(situation: Situation, connection: Connection) -> None:
    """The answer, and then the money: a gateway may act after its client has gone."""
    situation = situation.at(connection.gateway)
    for step in situation.steps:
        step(connection)
    if situation.answer is GatewayMisconfigured:
        with pytest.raises(GatewayMisconfigured):
            situation.ask(connection)
    else:
        answer = type(situation.ask(connection))
        # Which of them show that the gateway is away has a test of its own.
        assert (Undecided if answer is Unanswered else answer) is situation.answer
    wait_until(lambda: connection.money() == situation.money, f"{situation.money} to be at the gateway")


def situations(table: tuple[Situation, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("situation", table, ids=lambda situation: situation.name)


@situations(APPROVE)
def test_approve(situation: Situation, connection: Connection) -> None:
    check(situation, connection)


@situations(UNREADABLE_APPROVALS)
def test_an_unreadable_answer_is_made_good_by_the_next_attempt(
    situation: Situation, connection: Connection
) -> None:
    check(situation, connection)
    connection.refuse_nothing()

    found = find(connection)
    if isinstance(found, Unpaid):
        next_attempt(connection)
        found = approve(connection)

    assert isinstance(found, Approved)
    assert connection.money() == connection.request.amount


@situations(FIND)
def test_find(situation: Situation, connection: Connection) -> None:
    check(situation, connection)


@pytest.mark.parametrize("kind", AWAY)
def test_what_is_no_gateways_answer_says_nothing_of_the_payment(connection: Connection, kind: str) -> None:
    taken(connection)
    goes_wrong("look-up", kind)(connection)

    assert find_late(connection) == Unanswered()


def test_an_answer_of_the_gateways_own_counts_for_the_payment(connection: Connection) -> None:
    goes_wrong("look-up", "error", code="NEVER_SEEN_BEFORE")(connection)

    assert find_late(connection) == Undecided()


@situations(VOID)
def test_void(situation: Situation, connection: Connection) -> None:
    check(situation, connection)


@situations(REFUND)
def test_refund(situation: Situation, connection: Connection) -> None:
    check(situation, connection)


@situations(UNREADABLE_REFUNDS)
def test_an_unreadable_refund_is_made_good_by_the_next_attempt(
    situation: Situation, connection: Connection
) -> None:
    check(situation, connection)
    connection.refuse_nothing()

    found = find_refund(connection)
    if isinstance(found, NotRefunded):
        next_attempt(connection)
        found = refund(connection)

    assert isinstance(found, Refunded)
    assert connection.money() == 0


@situations(FIND_REFUND)
def test_find_refund(situation: Situation, connection: Connection) -> None:
    check(situation, connection)


def test_every_gateway_meets_all_situations_but_for_its_quirks() -> None:
    names = [situation.full_name for situation in SITUATIONS]

    assert len(set(names)) == len(names) >= 80
    for gateway in GATEWAYS:
        assert gateway.quirks.keys() <= set(names)


def test_all_answers_about_a_charge_have_the_same_time(connection: Connection) -> None:
    first = approve(connection)

    assert isinstance(first, Approved)
    assert approve(connection) == first == find(connection)
