"""What is removed, and when: recipients soon after their delivery, orders and deliveries much later."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import Connection, TextClause, text

from notification_service.persistence.tables import inbox
from servicekit.db.retention import Sweep, delete_older

# Orders whose every effect ended longer ago than the age; accepted_at only finds those that may be.
# Not clock_timestamp(), which no index can be searched for.
_ENDED = """
    SELECT completed_order.event_id FROM completed_order
     WHERE completed_order.accepted_at < statement_timestamp() - :age
       AND {condition}
       AND NOT EXISTS (
           SELECT FROM delivery
            WHERE delivery.event_id = completed_order.event_id
              AND (delivery.completed_at IS NULL OR delivery.completed_at >= statement_timestamp() - :age))
     ORDER BY completed_order.accepted_at
     LIMIT :limit
       FOR UPDATE OF completed_order SKIP LOCKED
"""
_ERASE_RECIPIENTS = text(f"""
    WITH ended AS ({_ENDED.format(condition="completed_order.recipient_phone IS NOT NULL")})
    UPDATE completed_order SET recipient_name = NULL, recipient_phone = NULL, message_values = NULL
      FROM ended WHERE completed_order.event_id = ended.event_id
""")  # noqa: S608 - our own text
# The sums stay, and so do customers' first orders (see customers.py): analytics_order only keeps an order
# from being counted twice.
_DELETE_ORDERS = text(f"""
    WITH ended AS ({_ENDED.format(condition="true")}),
         deliveries AS (DELETE FROM delivery USING ended WHERE delivery.event_id = ended.event_id),
         counted AS (
             DELETE FROM analytics_order USING ended, completed_order
              WHERE completed_order.event_id = ended.event_id
                AND analytics_order.order_id = completed_order.order_id
                AND analytics_order.event_id = ended.event_id)
    DELETE FROM completed_order USING ended WHERE completed_order.event_id = ended.event_id
""")  # noqa: S608 - our own text
# Of rules that no process has any more: those of others are taken within seconds.
_DELETE_MATCHES = text("""
    DELETE FROM alert_match
     WHERE match_id IN (SELECT match_id FROM alert_match
                         WHERE noted_at < statement_timestamp() - CAST(:age AS interval)
                         ORDER BY match_id LIMIT :limit FOR UPDATE SKIP LOCKED)
""")
_MATCHES_KEPT = timedelta(days=7)


class SqlRetention:
    """How long each kind of rows is kept.

    ``recipients`` and ``deliveries`` count from the end of the order's last effect, and ``inbox_events`` from
    an event's arrival.
    """

    def __init__(self, *, recipients: timedelta, deliveries: timedelta, inbox_events: timedelta) -> None:
        self._recipients = recipients
        self._deliveries = deliveries
        self._inbox_events = inbox_events

    def sweeps(self) -> Mapping[str, Sweep]:
        """By the name that the log has for what they remove."""
        return {
            "recipients": _sweep(_ERASE_RECIPIENTS, self._recipients),
            "orders": _sweep(_DELETE_ORDERS, self._deliveries),
            "alert_matches": _sweep(_DELETE_MATCHES, _MATCHES_KEPT),
            "inbox": delete_older(inbox, inbox.c.received_at, self._inbox_events),
        }


def _sweep(statement: TextClause, age: timedelta) -> Sweep:
    def sweep(connection: Connection, limit: int) -> int:
        return connection.execute(statement, {"age": age, "limit": limit}).rowcount

    return sweep
