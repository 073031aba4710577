"""What is removed, and when. Only idempotency keys are.

Orders, their items and payments stay: they are the business's records. The relay drops what the outbox has
published.
"""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import Uuid, cast, exists

from order_service.persistence.tables import idempotency_key, payment
from order_service.persistence.unsettled_payments import IS_UNSETTLED
from servicekit.db.retention import Sweep, delete_older

# Its client may still come back, and has to find this payment instead of beginning another one.
_PAYS_UNSETTLED = exists().where(
    payment.c.payment_id == cast(idempotency_key.c.reply["paymentId"].astext, Uuid), IS_UNSETTLED
)


class SqlRetention:
    """How long each kind of rows is kept; ``idempotency_keys`` counts from a key's first use."""

    def __init__(self, *, idempotency_keys: timedelta) -> None:
        self._idempotency_keys = idempotency_keys

    def sweeps(self) -> Mapping[str, Sweep]:
        """By the name that log and metrics have for what they remove."""
        return {
            "idempotency_keys": delete_older(
                idempotency_key, idempotency_key.c.created_at, self._idempotency_keys, ~_PAYS_UNSETTLED
            )
        }
