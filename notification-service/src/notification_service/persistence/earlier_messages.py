"""What a buyer is to read about an order before the news of its cancellation."""

from uuid import UUID

from sqlalchemy import Connection, text

# The order's completion is read from another topic: after an outage it may come later. It is not waited for
# without end: retention may have deleted it, or it was read before this service was there.
_WAIT = text("""
    WITH own AS (
        SELECT completed_order.completed_at, event_id, delivery.created_at
          FROM delivery JOIN completed_order USING (event_id)
         WHERE event_id = :event_id AND effect = 'ALIMTALK'),
    other AS (
        SELECT completed_order.completed_at, event_id, delivery.effect, delivery.due_at,
               COALESCE(event, 'OrderCompleted') AS event
          FROM delivery JOIN completed_order USING (event_id)
         WHERE delivery.order_id = :order_id AND event_id <> :event_id)
    SELECT EXTRACT(epoch FROM clock_timestamp() - own.created_at)
      FROM own
     WHERE EXISTS (
               SELECT FROM other
                WHERE effect = 'ALIMTALK' AND due_at IS NOT NULL
                  AND (other.completed_at, other.event_id) < (own.completed_at, own.event_id))
        OR (own.created_at > clock_timestamp() - interval '10 minutes'
            AND NOT EXISTS (SELECT FROM other WHERE event = 'OrderCompleted'))
""")


class SqlEarlierMessages:
    """The earlier messages on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def waited_seconds(self, order_id: UUID, event_id: UUID) -> float | None:
        parameters = {"order_id": order_id, "event_id": event_id}
        waited = self._connection.execute(_WAIT, parameters).scalar_one_or_none()
        return None if waited is None else float(waited)
