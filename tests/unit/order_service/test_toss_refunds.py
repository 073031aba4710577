"""A refund of a part is known by its id: another one may have returned as much, and left as much."""

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from order_service.domain.payment_outcome import Undecided
from order_service.domain.refund_outcome import NotRefunded, Refunded, RefundRefused
from order_service.gateways.refund_reasons import reason_of
from servicekit.identifiers import uuid7
from tests.support.order_builders import NOON
from tests.unit.order_service.toss_replies import REFUND, a_cancel, a_payment, answering

PART = replace(REFUND, amount=10_000)
OTHER = replace(PART, refund_id=uuid7())


def of_a_part(reason: object, **changes: Any) -> dict[str, Any]:
    return a_cancel(cancelAmount=10_000, refundableAmount=20_000, cancelReason=reason, **changes)


def found(*cancels: dict[str, Any], balance: int = 20_000) -> object:
    body = a_payment(status="PARTIAL_CANCELED", balanceAmount=balance, cancels=list(cancels))
    return answering(200, body).find_refund(PART)


def test_a_refund_has_its_id() -> None:
    assert found(of_a_part(reason_of(PART))) == Refunded(NOON)


def test_an_equal_refund_of_another_id_is_not_the_one() -> None:
    assert found(of_a_part(reason_of(OTHER))) == RefundRefused("NOT_MATCHES_REFUNDABLE_AMOUNT")


def test_a_reason_that_quotes_another_id_is_not_that_refund() -> None:
    quoting = replace(OTHER, reason=f"again, for {reason_of(PART)}")
    assert found(of_a_part(reason_of(quoting))) == RefundRefused("NOT_MATCHES_REFUNDABLE_AMOUNT")


def test_the_id_alone_does_not_make_it_the_refund() -> None:
    less = of_a_part(reason_of(PART)) | {"cancelAmount": 9_000, "refundableAmount": 21_000}
    assert found(less, balance=21_000) == RefundRefused("NOT_MATCHES_REFUNDABLE_AMOUNT")


@pytest.mark.parametrize(
    "reason",
    ["콘솔에서 환불", "", None, 7, f"{reason_of(PART)[:-5]}…"],
    ids=["another", "empty", "none", "number", "cut off"],
)
def test_a_refund_of_unknown_origin_leaves_it_open(reason: object) -> None:
    with capture_logs() as logs:
        assert found(of_a_part(reason)) == Undecided()

    [line] = logs
    assert (line["event"], line["refund_id"]) == (
        "payment_gateway_refund_of_unknown_origin",
        str(PART.refund_id),
    )


def test_a_refund_of_unknown_origin_that_came_to_nothing_says_nothing() -> None:
    assert found(of_a_part("콘솔에서 환불", cancelStatus="ABORTED"), balance=30_000) == NotRefunded()


def test_who_returned_all_of_it_does_not_matter() -> None:
    body = a_payment(status="CANCELED", balanceAmount=0, cancels=[a_cancel(cancelReason="콘솔에서 환불")])
    assert answering(200, body).find_refund(REFUND) == Refunded(NOON)


@pytest.mark.parametrize("reason", ["", "단순 변심", "가" * 500])
def test_a_reason_of_any_length_keeps_the_id(reason: str) -> None:
    sent = reason_of(replace(PART, reason=reason))
    assert len(sent) <= 200
    assert sent.endswith(f"[{PART.refund_id.hex}]")
    assert sent.startswith(reason[:100])
