"""What situations consist of: what happens to a payment before, and what the port is asked."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from order_service.domain.payment_outcome import Approved, Outcome
from order_service.domain.refund_outcome import Refunded, RefundOutcome
from tests.integration.payment_gateways.connection import (
    ANSWERED,
    IMPATIENCE_SECONDS,
    SOON,
    Connection,
)
from tests.support.order_builders import NOON

Step = Callable[[Connection], object]
TIMEOUT_MS = 1_500
_SLOW = {"time-out", "stall"}


def goes_wrong(call: str, kind: str, moment: str = "before", **more: Any) -> Step:
    """The gateway's next ``call`` does."""

    def step(connection: Connection) -> None:
        if kind in _SLOW:
            connection.seconds = IMPATIENCE_SECONDS
        fault = {"call": call, "kind": kind, "moment": moment, **more}
        connection.sandbox.fault(connection.gateway.name, fault, timeoutMs=TIMEOUT_MS)

    return step


def controlled(**controls: Any) -> Step:
    return lambda connection: connection.sandbox.fault(connection.gateway.name, **controls)


def authorised(**purchase: Any) -> Step:
    """The buyer has authorised this instead."""

    def step(connection: Connection) -> None:
        connection.request = connection.authorised(**purchase)
        connection.refund = connection.refund_of(connection.request.amount, connection.request.amount)

    return step


def requested(**changes: Any) -> Step:
    """The service asks for something else than the buyer has authorised."""

    def step(connection: Connection) -> None:
        connection.request = replace(connection.request, **changes)

    return step


def key_that_it_lacks(connection: Connection) -> None:
    connection.request = replace(connection.request, payment_key=connection.gateway.unknown_key)


def key_that_is_a_path(connection: Connection) -> None:
    connection.request = replace(connection.request, payment_key=connection.gateway.path_key)


def authorised_again(connection: Connection) -> None:
    """The buyer authorises the same order once more."""
    connection.request = connection.authorised(order_id=connection.request.order_id)
    connection.refund = connection.refund_of(connection.request.amount)


def authorised_again_unasked(connection: Connection) -> None:
    """The same, and the service doesn't hear of it."""
    connection.authorised(order_id=connection.request.order_id)


def key_of_another_order(connection: Connection) -> None:
    other = connection.authorised()
    connection.request = replace(connection.request, payment_key=other.payment_key)


def unreachable(connection: Connection) -> None:
    connection.url = "http://127.0.0.1:1"


def wrong_secret(connection: Connection) -> None:
    connection.secret = "test_sk_of_another_shop"


def minutes_pass(minutes: float) -> Step:
    return lambda connection: connection.sandbox.pass_time(minutes * 60)


def taken(connection: Connection) -> None:
    assert isinstance(approve(connection), Approved)


def asked(connection: Connection) -> None:
    """Whatever the answer."""
    approve(connection)


def returned(amount: int, refundable_amount: int = 30_000) -> Step:
    def step(connection: Connection) -> None:
        other = connection.refund_of(amount, refundable_amount)
        assert isinstance(connection.adapter.refund(other), Refunded)

    return step


def to_return(amount: int, refundable_amount: int = 30_000) -> Step:
    def step(connection: Connection) -> None:
        connection.refund = connection.refund_of(amount, refundable_amount)

    return step


def deposited(connection: Connection) -> None:
    key = connection.sandbox.payment(orderId=str(connection.request.order_id))["paymentKey"]
    connection.sandbox.http.post(f"/payments/{key}/deposit").raise_for_status()


def next_attempt(connection: Connection) -> None:
    connection.request = replace(connection.request, attempt=2)
    connection.refund = replace(connection.refund, payment=connection.request, attempt=2)


def approve(connection: Connection) -> Outcome:
    return connection.adapter.approve(connection.request)


def find_soon(connection: Connection) -> Outcome:
    """While the gateway may still work on what it was asked before."""
    return connection.adapter.find(connection.request, NOON + SOON)


def find(connection: Connection) -> Outcome:
    return connection.adapter.find(connection.request, NOON + ANSWERED)


def find_late(connection: Connection) -> Outcome:
    """Once the gateway would refuse to take the money."""
    return connection.adapter.find(connection.request, NOON + connection.gateway.lapses_after)


def void(connection: Connection) -> Outcome:
    return connection.adapter.void(connection.request, NOON + ANSWERED)


def void_later(connection: Connection) -> Outcome:
    return connection.adapter.void(connection.request, NOON + ANSWERED + timedelta(minutes=1))


def refund(connection: Connection) -> RefundOutcome:
    return connection.adapter.refund(_current(connection))


def find_refund(connection: Connection) -> RefundOutcome:
    return connection.adapter.find_refund(_current(connection))


def _current(connection: Connection) -> Any:
    return replace(connection.refund, payment=connection.request)
