"""What ``notification-service deliveries`` prints."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import click

from notification_service.domain.attempt_history import Attempt
from notification_service.domain.delivery import Delivery, Intervention
from servicekit.rfc3339 import format_rfc3339

_COLUMNS = ("DELIVERY ID", "STATUS", "EFFECT", "ORDER ID", "ATTEMPTS", "COMPLETED AT", "LAST ERROR")
_ATTEMPT_COLUMNS = (
    "NUMBER",
    "PURPOSE",
    "PROVIDER",
    "BEGAN AT",
    "ENDED AT",
    "OUTCOME",
    "REASON",
    "MESSAGE ID",
)

Value = str | int | bool | None


def delivery_as_json(delivery: Delivery) -> dict[str, Value]:
    """A delivery as the list has it."""
    return {
        "deliveryId": str(delivery.delivery_id),
        "status": delivery.status.value,
        "effect": delivery.effect.value,
        "orderId": str(delivery.order_id),
        "attempts": delivery.attempts,
        "completedAt": _time(delivery.completed_at),
        "lastError": delivery.last_error,
    }


def delivery_with_history(delivery: Delivery) -> dict[str, object]:
    """All that an operator may want to know; the provider's own ids and codes included."""
    attempts = [_attempt_as_json(attempt) for attempt in delivery.history]
    return {**_details(delivery), "attemptHistory": attempts}


def print_deliveries(deliveries: Sequence[Delivery]) -> None:
    if not deliveries:
        click.echo("no deliveries")
        return
    print_table([_COLUMNS, *(_cells(delivery_as_json(delivery).values()) for delivery in deliveries)])


def print_delivery(delivery: Delivery) -> None:
    print_table([[name, *_cells([value])] for name, value in _details(delivery).items()])
    attempts = [_cells(_attempt_as_json(attempt).values()) for attempt in delivery.history]
    if attempts:
        print_table([_ATTEMPT_COLUMNS, *attempts])


def _details(delivery: Delivery) -> Mapping[str, Value]:
    return {
        **delivery_as_json(delivery),
        "createdAt": _time(delivery.created_at),
        "nextAttemptAt": _time(delivery.due_at),
        "acceptedAt": _time(delivery.accepted_at),
        "resultCode": delivery.result_code,
        "bySms": delivery.by_sms,
        **_intervention("retried", delivery.retried),
        **_intervention("givenUp", delivery.given_up),
    }


def _intervention(name: str, done: Intervention | None) -> Mapping[str, Value]:
    if done is None:
        return {f"{name}By": None, f"{name}Reason": None}
    return {f"{name}By": done.by, f"{name}Reason": done.reason}


def _attempt_as_json(attempt: Attempt) -> dict[str, Value]:
    return {
        "number": attempt.number,
        "purpose": attempt.purpose.value,
        "provider": attempt.provider,
        "beganAt": _time(attempt.began_at),
        "endedAt": _time(attempt.ended_at),
        "outcome": attempt.outcome,
        "reason": attempt.reason,
        "messageId": attempt.message_id,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_rfc3339(moment)


def _cells(values: Iterable[Value]) -> list[str]:
    return ["" if value is None else str(value) for value in values]


def print_table(rows: Sequence[Sequence[str]]) -> None:
    # Ids and codes of providers: no control character of theirs may reach the terminal.
    printable = [["".join(one if one.isprintable() else "?" for one in cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*printable, strict=True)]
    for row in printable:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
