"""What a buyer is to read about an order before the news of its cancellation."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, Uuid, text

from notification_service.domain.attempt_history import Purpose
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.order_event import ORDER_CANCELLED
from servicekit.db.arrays import hex_array

# The order's completion is read from another topic: after an outage it may come later. It is not waited for
# without end: retention may have deleted it, or it was read before this service was there.
_WAIT = text("""
    WITH own AS (
        SELECT completed_order.completed_at, event_id, delivery.order_id, delivery.created_at
          FROM delivery JOIN completed_order USING (event_id)
         WHERE event_id = ANY(CAST(:event_ids AS uuid[])) AND effect = 'ALIMTALK')
    SELECT own.event_id,
           CAST(EXTRACT(epoch FROM clock_timestamp() - own.created_at) AS double precision) AS seconds
      FROM own
     WHERE EXISTS (
               SELECT FROM delivery JOIN completed_order AS other USING (event_id)
                WHERE delivery.order_id = own.order_id AND event_id <> own.event_id
                  AND effect = 'ALIMTALK' AND due_at IS NOT NULL
                  AND (other.completed_at, other.event_id) < (own.completed_at, own.event_id))
        OR (own.created_at > clock_timestamp() - interval '10 minutes'
            AND NOT EXISTS (
                SELECT FROM delivery JOIN completed_order AS other USING (event_id)
                 WHERE delivery.order_id = own.order_id AND event_id <> own.event_id
                   AND COALESCE(other.event, 'OrderCompleted') = 'OrderCompleted'))
""").columns(event_id=Uuid)


class SqlEarlierMessages:
    """The earlier messages on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def noted_on(self, claimed: Sequence[ClaimedDelivery]) -> Sequence[ClaimedDelivery]:
        """``claimed``, with how long each cancellation to be sent has waited for an earlier message.

        One statement for all, since the claim's transaction is open; none if there is no cancellation.
        """
        event_ids = [
            each.order.event_id
            for each in claimed
            if each.purpose is Purpose.SEND and each.order.event == ORDER_CANCELLED
        ]
        if not event_ids:
            return claimed
        rows = self._connection.execute(_WAIT, {"event_ids": hex_array(event_ids)})
        waits = {row.event_id: row.seconds for row in rows}
        return [replace(each, seconds_behind_earlier=waits.get(each.order.event_id)) for each in claimed]
