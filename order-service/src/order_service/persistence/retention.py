"""What is removed, and when: idempotency keys, recipients, and copies of events that the relay can't publish.

Orders, their items and payments stay: they are the business's records. Their recipients are erased. The relay
drops what the outbox has published, but not its dead letters, which hold names and numbers.
"""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import Connection, Uuid, cast, exists, text

from order_service.domain.order import ERASED_RECIPIENT
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

# An order that waits for its payment has not ended, and a cancellation under way still sends its event. The
# condition on the phone is the index's.
_ERASE_RECIPIENTS = text("""
    UPDATE orders SET recipient_name = :erased_name, recipient_phone = :erased_phone
     WHERE ctid = ANY (ARRAY(
               SELECT ended.ctid FROM orders AS ended
                WHERE coalesce(ended.completed_at, ended.expired_at)
                      < statement_timestamp() - CAST(:age AS interval)
                  AND ended.recipient_phone <> :erased_phone
                  AND NOT EXISTS (SELECT FROM cancellation
                                   WHERE cancellation.order_id = ended.order_id
                                     AND cancellation.cancelled_at IS NULL)
                ORDER BY coalesce(ended.completed_at, ended.expired_at) LIMIT :limit
                  FOR NO KEY UPDATE OF ended SKIP LOCKED))
""")


class SqlRetention:
    """How long each kind of rows is kept.

    ``idempotency_keys`` counts from a key's first use, ``recipients`` from the order's payment or expiry.
    """

    def __init__(self, *, idempotency_keys: timedelta, recipients: timedelta) -> None:
        self._idempotency_keys = idempotency_keys
        self._recipients = recipients

    def sweeps(self) -> Mapping[str, Sweep]:
        """By the name that log and metrics have for what they remove."""
        return {
            "idempotency_keys": delete_older(
                idempotency_key, idempotency_key.c.created_at, self._idempotency_keys, ~_PAYS_UNSETTLED
            ),
            "handled_dead_letters": _delete_handled_dead_letters,
            "recipients": self._erase_recipients,
        }

    def _erase_recipients(self, connection: Connection, limit: int) -> int:
        parameters = {
            "erased_name": ERASED_RECIPIENT.name,
            "erased_phone": ERASED_RECIPIENT.phone,
            "age": self._recipients,
            "limit": limit,
        }
        return connection.execute(_ERASE_RECIPIENTS, parameters).rowcount


def _delete_handled_dead_letters(connection: Connection, limit: int) -> int:
    return connection.execute(_DELETE_HANDLED, {"age": HANDLED_DEAD_LETTERS, "limit": limit}).rowcount
