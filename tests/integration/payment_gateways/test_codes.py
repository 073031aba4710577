"""What each gateway's codes mean; a code that nobody knows leaves the outcome unknown."""

from collections.abc import Callable

import pytest

from order_service.domain.errors import GatewayMisconfigured
from order_service.domain.payment_outcome import Approved, Declined, Unanswered, Undecided
from order_service.domain.refund_outcome import Refunded, RefundRefused
from tests.integration.payment_gateways.connection import Connection
from tests.integration.payment_gateways.gateways import GATEWAYS, Gateway
from tests.integration.payment_gateways.steps import (
    approve,
    find_late,
    find_refund,
    goes_wrong,
    next_attempt,
    refund,
    taken,
)


def each(codes_of: Callable[[Gateway], str]) -> pytest.MarkDecorator:
    """A gateway's connection with each of its codes."""
    cases = [(gateway, code) for gateway in GATEWAYS for code in codes_of(gateway).split()]
    return pytest.mark.parametrize(
        ("connection", "code"), cases, indirect=["connection"], ids=[code for _, code in cases]
    )


@each(lambda gateway: gateway.refusals)
def test_a_refusal_declines_the_first_attempt_alone(connection: Connection, code: str) -> None:
    goes_wrong("confirm", "error", code=code, times=2)(connection)

    assert approve(connection) == Declined(code)

    next_attempt(connection)
    assert approve(connection) == Undecided()
    assert connection.money() == 0


@each(lambda gateway: gateway.faults_of_ours)
def test_a_fault_of_ours_declines_nothing(connection: Connection, code: str) -> None:
    goes_wrong("confirm", "error", code=code)(connection)

    with pytest.raises(GatewayMisconfigured):
        approve(connection)


@each(lambda gateway: gateway.unknown)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_other_codes_leave_open_whether_money_was_taken(
    connection: Connection, code: str, moment: str
) -> None:
    goes_wrong("confirm", "error", moment, code=code)(connection)
    is_taken = moment == "after"
    is_seen = is_taken and code in connection.gateway.looked_up_at_once.split()

    assert type(approve(connection)) is (Approved if is_seen else Undecided)
    assert connection.money() == (connection.request.amount if is_taken else 0)


@each(lambda gateway: f"{gateway.unknown} {gateway.doubtful}")
def test_no_code_gives_up_a_charged_payment(connection: Connection, code: str) -> None:
    taken(connection)
    # Whichever way it is looked for.
    goes_wrong("look-up", "error", code=code, times=2)(connection)

    assert type(find_late(connection)) in {Undecided, Unanswered}


@each(lambda gateway: gateway.not_found)
def test_a_payment_key_not_found_is_not_the_last_word(connection: Connection, code: str) -> None:
    taken(connection)
    goes_wrong("look-up", "error", code=code)(connection)

    assert isinstance(find_late(connection), Approved)


@each(lambda gateway: gateway.refund_refusals)
def test_a_refusal_of_a_refund_is_final(connection: Connection, code: str) -> None:
    taken(connection)
    goes_wrong("cancel", "error", code=code)(connection)

    assert refund(connection) == RefundRefused(code)


@each(lambda gateway: gateway.faults_of_ours)
def test_a_fault_of_ours_refuses_no_refund(connection: Connection, code: str) -> None:
    taken(connection)
    goes_wrong("cancel", "error", code=code)(connection)

    with pytest.raises(GatewayMisconfigured):
        refund(connection)


@each(lambda gateway: gateway.refund_unknown)
def test_other_codes_leave_open_whether_money_was_returned(connection: Connection, code: str) -> None:
    taken(connection)
    goes_wrong("cancel", "error", code=code)(connection)

    assert refund(connection) == Undecided()
    assert connection.money() == connection.request.amount


@each(lambda gateway: gateway.refund_unknown)
def test_no_code_denies_that_money_was_returned(connection: Connection, code: str) -> None:
    taken(connection)
    goes_wrong("cancel", "error", "after", code=code)(connection)

    # Some codes make an adapter look at once.
    assert isinstance(refund(connection), Undecided | Refunded)
    assert isinstance(find_refund(connection), Refunded)
    assert connection.money() == 0
