"""``notification-service erase``"""

import time
from typing import Any

import click

from notification_service.application.erase_person import ErasePerson, ErasePersonCommand
from notification_service.domain.erasure import Erasure, Person
from notification_service.domain.errors import NoPhoneNumber
from notification_service.domain.phone_number import PhoneNumber
from notification_service.operator_database import operator_transactions
from notification_service.subscriptions import SUBSCRIPTIONS
from servicekit.commands import OPERATOR, REASON, BadInput
from servicekit.fields import MAX_INT64

PROCESS = "notification-erase"
# A lease ends within that, unless it is set far longer than calls take.
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 1.0
_NOT_REACHED = (
    f"not reached: {', '.join(each.topic for each in SUBSCRIPTIONS)} and their dead letters until their"
    " retention ends, logs and traces, backups, names in operators' reasons about other things or about"
    " orders without their recipient, the alimtalk provider, the receiver of monitoring, order-service and"
    " coupon-service"
)

# Retention empties recipients long before orders go.
_NOTHING_BY_PHONE = (
    "nothing is kept with this number; orders whose recipient was erased already are found only by --user"
)


class _Phone(click.ParamType[PhoneNumber]):
    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> PhoneNumber:
        try:
            return PhoneNumber.of(value)
        except NoPhoneNumber as error:
            return self.fail(str(error), param, ctx)


@click.command()
@click.option("--phone", type=_Phone(), help="A recipient's number, in any spelling.")
@click.option("--user", "user_id", type=click.IntRange(1, MAX_INT64), help="The number of a user.")
@click.option("--by", type=OPERATOR, required=True, help="Your name; stored and logged.")
@click.option("--reason", type=REASON, required=True, help="Why; stored and logged without the person.")
@click.option("--yes", "is_confirmed", is_flag=True, help="Act; the default only counts.")
def erase(
    phone: PhoneNumber | None, user_id: int | None, by: str, reason: str, *, is_confirmed: bool
) -> None:
    """Erase one person: as recipient by --phone, as the one who orders by --user, or both.

    Waiting alimtalks are given up; one that is being sent is waited for. Sums stay as they are. The recipient
    may not be the user who ordered: --phone alone keeps users, and names them. Consumers may run. Repeat it
    after a backup is restored, and once no order of the person can arrive any more.
    """
    if phone is None and user_id is None:
        raise BadInput("give --phone, --user or both")
    command = ErasePersonCommand(Person(phone, user_id), by, reason, is_confirmed)
    with operator_transactions(PROCESS) as transactions:
        erasure = ErasePerson(transactions, _Patience())(command)
    if erasure.is_empty:
        click.echo(_NOTHING_BY_PHONE if user_id is None else "nothing is kept of this person")
    elif not is_confirmed:
        click.echo(f"would be erased: {_counts(erasure)}; add --yes to do it")
        _name_users(erasure, user_id)
    elif erasure.is_done:
        click.echo(f"erased: {_counts(erasure)}")
        _name_users(erasure, user_id)
    else:
        raise click.ClickException("an order of this person is in use, or being sent: nothing was erased")
    click.echo(_NOT_REACHED)


class _Patience:
    """Pauses, for a minute in all."""

    def __init__(self) -> None:
        self._ends_at = time.monotonic() + _PATIENCE_SECONDS

    def __call__(self) -> bool:
        time.sleep(_PAUSE_SECONDS)
        return time.monotonic() < self._ends_at


def _counts(erasure: Erasure) -> str:
    return (
        f"{erasure.orders} orders, {erasure.given_up} waiting alimtalks, {erasure.customers} customers,"
        f" {erasure.notes} notes of operators"
    )


def _name_users(erasure: Erasure, user_id: int | None) -> None:
    others = sorted(erasure.users - {user_id})
    if others:
        click.echo(f"kept: users {', '.join(map(str, others))}, who ordered; erase each who is this person")
