"""Payments that their gateway has declined, to be asked about once more."""

from uuid import UUID

from sqlalchemy import Connection, case, false, func, literal, select, true
from sqlalchemy.dialects.postgresql import insert

from order_service.application.ports import ASKED_AGAIN_AFTER, LAST_UNPAID
from order_service.persistence.tables import payment as payments
from order_service.persistence.tables import payment_hint as hints

# The in-process gateway, of which none is kept, is in no process that follows hints.
_MAY_HAVE_TAKEN_MONEY = func.coalesce(payments.c.gateway, "in-process") != "in-process"
# One answer is enough. Anyone can have payments declined: more look-ups of each would hold up other hints.
_ASKED_BEFORE = LAST_UNPAID - 1
_NOW = func.clock_timestamp()


class SqlDeclinedPayments:
    """The declined payments on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ask_again(self, payment_id: UUID) -> None:
        # As if a webhook said that it was paid: what follows those asks, and has the money returned.
        asked = {
            "payment_id": payments.c.payment_id,
            "is_paid": true(),
            "is_returned": false(),
            "hinted_at": _NOW,
            "due_at": _NOW + ASKED_AGAIN_AFTER,
            "lookup_count": literal(_ASKED_BEFORE),
        }
        of_payment = select(*asked.values()).where(payments.c.payment_id == payment_id, _MAY_HAVE_TAKEN_MONEY)
        new = insert(hints).from_select(list(asked), of_payment)
        self._connection.execute(
            new.on_conflict_do_update(
                index_elements=[hints.c.payment_id],
                set_={
                    "is_paid": true(),
                    # A webhook that says so is asked about at once.
                    "due_at": case((hints.c.is_paid, hints.c.due_at), else_=new.excluded.due_at),
                    "lookup_count": case(
                        (hints.c.is_paid, hints.c.lookup_count), else_=new.excluded.lookup_count
                    ),
                },
            )
        )
