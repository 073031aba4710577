"""What ``order-service payments`` prints. A payment key is a secret, and so is who ordered."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import click

from order_service.domain.cancellation import Cancellation
from order_service.domain.order import Order
from order_service.domain.payment_history import OperatedPayment, PaymentHistory
from order_service.domain.payment_operation import PaymentOperation
from order_service.domain.refund import Refund, RefundStatus
from servicekit.rfc3339 import format_rfc3339

_COLUMNS = ("PAYMENT ID", "STATUS", "REFUND", "AMOUNT", "CURRENCY", "GATEWAY", "ORDER ID", "REQUESTED AT")
_OPERATION_COLUMNS = ("OPERATION", "BY", "BECAUSE", "BEGAN AT", "ENDED AT", "OUTCOME")
_CANCELLATION_COLUMNS = (
    "CANCELLATION ID",
    "STATUS",
    "AMOUNT",
    "PIECES",
    "REASON",
    "REQUESTED AT",
    "CANCELLED AT",
)

Value = str | int | bool | None


def payments_as_json(payments: Sequence[OperatedPayment]) -> str:
    return json.dumps([_listed(operated) for operated in payments])


def print_payments(payments: Sequence[OperatedPayment]) -> None:
    if payments:
        _print_table([_COLUMNS, *(_cells(_listed(operated).values()) for operated in payments)])
    else:
        click.echo("no payments")


def print_history(history: PaymentHistory, *, as_json: bool) -> None:
    payment, order = _details(history.operated), _order(history.order)
    refund = None if history.operated.refund is None else _refund(history.operated.refund)
    cancellations = [_cancellation(cancellation) for cancellation in history.cancellations]
    operations = [_operation(operation) for operation in history.operations]
    if as_json:
        found = {
            **payment,
            "order": order,
            "refundRequest": refund,
            "cancellations": cancellations,
            "operations": operations,
        }
        click.echo(json.dumps(found))
        return
    for facts in (payment, _prefixed("order", order), _prefixed("refund", refund or {})):
        if facts:
            _print_table([[name, *_cells([value])] for name, value in facts.items()])
    if cancellations:
        _print_table([_CANCELLATION_COLUMNS, *(_cells(each.values()) for each in cancellations)])
    if operations:
        _print_table([_OPERATION_COLUMNS, *(_cells(operation.values()) for operation in operations)])


def _listed(operated: OperatedPayment) -> dict[str, Value]:
    """What was taken, where that isn't what was requested."""
    payment, request = operated.payment, operated.payment.request
    return {
        "paymentId": str(payment.payment_id),
        "status": payment.status.value,
        "refund": _refund_state(operated),
        "amount": payment.to_return.amount,
        "currency": payment.to_return.currency,
        "gateway": request.gateway,
        "orderId": str(request.order_id),
        "requestedAt": format_rfc3339(request.requested_at),
    }


def _refund_state(operated: OperatedPayment) -> str | None:
    refund = operated.refund
    if operated.refunded_at is not None:
        return "REFUNDED"
    if refund is None or refund.status is not RefundStatus.REFUNDED:
        return None if refund is None else refund.status.value
    is_whole = operated.returned_amount >= operated.payment.to_return.amount
    return "REFUNDED" if is_whole else "PARTLY_REFUNDED"


def _details(operated: OperatedPayment) -> dict[str, Value]:
    payment = operated.payment
    return {
        **_listed(operated),
        "requestedAmount": payment.request.amount,
        "requestedCurrency": payment.request.currency,
        "method": payment.request.method.value,
        "account": payment.request.account,
        "attempt": payment.request.attempt,
        "approvedAt": _time(payment.approved_at),
        "declineCode": payment.decline_code,
        "depositDueAt": _time(payment.deposit_due_at),
        "lookedUpAt": _time(operated.looked_up_at),
        "refundedAt": _time(operated.refunded_at),
        "refundedBy": operated.refunded_by,
        "takenBackAt": _time(operated.taken_back_at),
        "restoredAt": _time(operated.restored_at),
        "acknowledgedAt": _time(operated.acknowledged_at),
    }


def _order(order: Order) -> dict[str, Value]:
    return {
        "status": order.status.value,
        "totalAmount": order.total_amount,
        "currency": order.currency,
        "userId": order.user_id,
        "createdAt": _time(order.created_at),
        "completedAt": _time(order.completed_at),
        "cancelledAt": _time(order.cancelled_at),
    }


def _refund(refund: Refund) -> dict[str, Value]:
    return {
        "status": refund.status.value,
        "amount": refund.request.amount,
        "idempotencyKey": refund.request.idempotency_key,
        "attempt": refund.request.attempt,
        "sentCount": refund.sent_count,
        "sentAt": _time(refund.sent_at),
        "requestedAt": _time(refund.requested_at),
        "refusedCode": refund.refused_code,
        "returnedOutside": refund.returned_outside,
    }


def _cancellation(cancellation: Cancellation) -> dict[str, Value]:
    return {
        "cancellationId": str(cancellation.cancellation_id),
        "status": cancellation.status.value,
        "amount": cancellation.amount,
        "pieces": sum(cancellation.quantities.values()),
        "reason": cancellation.reason,
        "requestedAt": _time(cancellation.requested_at),
        "cancelledAt": _time(cancellation.cancelled_at),
    }


def _operation(operation: PaymentOperation) -> dict[str, Value]:
    return {
        "operation": operation.operation.value,
        "by": operation.by,
        "reason": operation.reason,
        "beganAt": _time(operation.began_at),
        "endedAt": _time(operation.ended_at),
        "outcome": operation.outcome,
    }


def _prefixed(prefix: str, facts: Mapping[str, Value]) -> dict[str, Value]:
    return {f"{prefix}.{name}": value for name, value in facts.items()}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_rfc3339(moment)


def _cells(values: Iterable[Value]) -> list[str]:
    return ["" if value is None else str(value) for value in values]


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    # Codes of gateways and words of operators: no control character may reach the terminal.
    printable = [["".join(one if one.isprintable() else "?" for one in cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*printable, strict=True)]
    for row in printable:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
