"""What is removed, and when: idempotency keys, and copies of events that the relay could not publish.

Orders, their items and payments stay: they are the business's records. The relay drops what the outbox has
published, but not its dead letters, which hold names and numbers.
"""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import Connection, Uuid, cast, exists, text

from order_service.persistence.tables import idempotency_key, payment
from order_service.persistence.unsettled_payments import IS_UNSETTLED
from servicekit.db.retention import Sweep, delete_older

# Its client may still come back, and has to find this payment instead of beginning another one.
_PAYS_UNSETTLED = exists().where(
    payment.c.payment_id == cast(idempotency_key.c.reply["paymentId"].astext, Uuid), IS_UNSETTLED
)

HANDLED_DEAD_LETTERS = timedelta(days=30)
"""As long as Kafka keeps those of consumers."""
# While its original is kept, a discarded event must stay one: reading the outbox again would publish it.
# There are few, so that they need no index.
_DELETE_HANDLED = text("""
    DELETE FROM outbox_dead_letter
     WHERE position = ANY (ARRAY(
               SELECT letter.position FROM outbox_dead_letter AS letter
                WHERE letter.state IN ('REPLAYED', 'DISCARDED')
                  AND letter.changed_at < statement_timestamp() - CAST(:age AS interval)
                  AND NOT EXISTS (SELECT FROM outbox WHERE outbox.position = letter.position)
                ORDER BY letter.position LIMIT :limit
                  FOR UPDATE OF letter SKIP LOCKED))
""")


class SqlRetention:
    """How long each kind of rows is kept; ``idempotency_keys`` counts from a key's first use."""

    def __init__(self, *, idempotency_keys: timedelta) -> None:
        self._idempotency_keys = idempotency_keys

    def sweeps(self) -> Mapping[str, Sweep]:
        """By the name that log and metrics have for what they remove."""
        return {
            "idempotency_keys": delete_older(
                idempotency_key, idempotency_key.c.created_at, self._idempotency_keys, ~_PAYS_UNSETTLED
            ),
            "handled_dead_letters": _delete_handled_dead_letters,
        }


def _delete_handled_dead_letters(connection: Connection, limit: int) -> int:
    return connection.execute(_DELETE_HANDLED, {"age": HANDLED_DEAD_LETTERS, "limit": limit}).rowcount
