"""Operators read of payments that no process asks about, once in a while."""

from structlog.testing import capture_logs

from order_service.application.warn_of_unreachable_payments import (
    REPEATED_AFTER_SECONDS,
    WarnOfUnreachablePayments,
)
from order_service.domain.payment_backlog import UnreachablePayments
from servicekit.identifiers import uuid7

PAYMENT_ID = uuid7()


def found(account: str | None = "account-1", payments: int = 3) -> UnreachablePayments:
    return UnreachablePayments("toss", account, payments, 71.6, PAYMENT_ID)


def test_a_line_names_the_gateway_the_account_and_a_payment() -> None:
    with capture_logs() as logs:
        WarnOfUnreachablePayments()([found()])

    [line] = logs
    assert {key: value for key, value in line.items() if key != "advice"} == {
        "event": "payments_unreachable",
        "log_level": "error",
        "gateway": "toss",
        "account": "account-1",
        "payments": 3,
        "oldest_seconds": 72,
        "oldest_payment_id": str(PAYMENT_ID),
    }
    assert "order-service worker" in line["advice"]


def test_each_account_has_a_line_of_its_own_and_not_each_measurement() -> None:
    clock = iter([0.0, 2.0, REPEATED_AFTER_SECONDS - 1, REPEATED_AFTER_SECONDS])
    warn = WarnOfUnreachablePayments(lambda: next(clock))
    with capture_logs() as logs:
        for _ in range(3):
            warn([found(), found(None), found(payments=4)])
        assert [line["account"] for line in logs] == ["account-1", None]

        warn([found(payments=5)])
    assert [line["payments"] for line in logs] == [3, 3, 5]


def test_nothing_unreachable_is_no_line() -> None:
    with capture_logs() as logs:
        WarnOfUnreachablePayments()([])
    assert logs == []
