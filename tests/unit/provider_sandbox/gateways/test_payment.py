"""A payment's states and its money."""

from decimal import Decimal

import pytest

from provider_sandbox.gateways.money import tax_of, to_minor_units, to_number
from provider_sandbox.gateways.payment import Currency, Method, Payment


def a_payment(amount: int = 15_000, currency: Currency = "KRW", method: Method = "CARD") -> Payment:
    return Payment("toss", "key", "order-1", "주문", amount, currency, method, "secret", 0.0, 1800.0)


def test_a_payment_is_charged_once_it_is_approved() -> None:
    payment = a_payment().authenticated(600.0)
    assert (payment.status, payment.charged_amount, payment.is_cancelable) == ("IN_PROGRESS", 0, False)

    approved = payment.approved("t1", 5.0)

    assert (approved.status, approved.charged_amount, approved.expires_at) == ("DONE", 15_000, None)


def test_a_virtual_account_is_charged_by_its_deposit() -> None:
    waiting = a_payment(method="VIRTUAL_ACCOUNT").authenticated(600.0).approved("t1", 5.0)
    assert (waiting.status, waiting.charged_amount) == ("WAITING_FOR_DEPOSIT", 0)

    paid = waiting.deposited("t2", 6.0)
    undone = paid.deposit_undone("t3")

    assert (paid.status, paid.charged_amount) == ("DONE", 15_000)
    assert (undone.status, undone.charged_amount) == ("WAITING_FOR_DEPOSIT", 0)


@pytest.mark.parametrize(
    ("parts", "status", "balance"),
    [
        ([15_000], "CANCELED", 0),
        ([1], "PARTIAL_CANCELED", 14_999),
        ([5_000, 10_000], "PARTIAL_CANCELED", 0),
    ],
)
def test_the_balance_says_whether_all_is_cancelled(parts: list[int], status: str, balance: int) -> None:
    payment = a_payment().approved("t1", 5.0)

    for part in parts:
        payment = payment.cancelled(part, "reason", "t2", 6.0)

    assert (payment.status, payment.balance) == (status, balance)
    assert payment.cancellations[-1].remaining == balance
    assert payment.cancelled_amount + payment.balance == payment.charged_amount


@pytest.mark.parametrize(
    ("number", "currency", "minor"), [("15000", "KRW", 15_000), ("10.5", "USD", 1050), ("7", "JPY", 7)]
)
def test_amounts_become_minor_units_and_come_back(number: str, currency: str, minor: int) -> None:
    assert to_minor_units(Decimal(number), currency) == minor
    assert to_number(minor, currency) == float(number)


@pytest.mark.parametrize(("number", "currency"), [("0.5", "KRW"), ("10.505", "USD")])
def test_too_many_decimals_are_an_error(number: str, currency: str) -> None:
    with pytest.raises(ValueError, match="decimals"):
        to_minor_units(Decimal(number), currency)


@pytest.mark.parametrize(("amount", "tax"), [(15_000, 1364), (11, 1), (5, 0), (6, 1), (0, 0)])
def test_tax_is_an_eleventh_rounded(amount: int, tax: int) -> None:
    assert tax_of(amount) == tax
