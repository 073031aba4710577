"""What is removed, and when: recipients soon after their delivery, orders and deliveries much later.

Customers go last: long after their last order, and only when none of their orders is kept. That an operator
erased a person stays recorded, without the person.
"""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import Connection, TextClause, text

from notification_service.persistence.tables import idempotency_key, inbox
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
# However long it waits: for an operator, for its template, or for an answer.
_GIVE_UP_ALIMTALK = text("""
    UPDATE delivery
       SET status = 'GIVEN_UP', due_at = NULL, completed_at = clock_timestamp()
     WHERE delivery_id = ANY(ARRAY(
           SELECT waiting.delivery_id
             FROM completed_order JOIN delivery AS waiting USING (event_id)
            WHERE completed_order.accepted_at < statement_timestamp() - :age
              AND completed_order.recipient_phone IS NOT NULL
              AND waiting.effect = 'ALIMTALK' AND waiting.status IN ('PENDING', 'UNKNOWN')
            ORDER BY completed_order.accepted_at
            LIMIT :limit
              FOR UPDATE OF waiting SKIP LOCKED))
""")
# Other effects need no recipient: what waits to be counted keeps none.
_ERASE_KEPT_TOO_LONG = text("""
    UPDATE completed_order SET recipient_name = NULL, recipient_phone = NULL, message_values = NULL
     WHERE event_id = ANY(ARRAY(
           SELECT kept.event_id FROM completed_order AS kept
            WHERE kept.accepted_at < statement_timestamp() - :age AND kept.recipient_phone IS NOT NULL
              AND NOT EXISTS (
                  SELECT FROM delivery
                   WHERE delivery.event_id = kept.event_id AND delivery.effect = 'ALIMTALK'
                     AND delivery.completed_at IS NULL)
            ORDER BY kept.accepted_at
            LIMIT :limit
              FOR UPDATE OF kept SKIP LOCKED))
""")
# Times as long as a recipient is kept after its last effect.
_LONGEST = 4
# The sums stay, and so do customers' first orders (see customers.py): analytics_order only keeps an order
# from being counted twice. Of customers the last order is noted; one that is locked is just ordering.
_DELETE_ORDERS = text(f"""
    WITH ended AS ({_ENDED.format(condition="true")}),
         gone AS (
             SELECT user_id, max(completed_at) AS completed_at
               FROM completed_order JOIN ended USING (event_id) GROUP BY user_id),
         met AS (
             SELECT user_id FROM customer JOIN gone USING (user_id)
                FOR UPDATE OF customer SKIP LOCKED),
         noted AS (
             UPDATE customer SET last_completed_at = GREATEST(last_completed_at, gone.completed_at)
               FROM gone JOIN met USING (user_id)
              WHERE customer.user_id = gone.user_id),
         deliveries AS (DELETE FROM delivery USING ended WHERE delivery.event_id = ended.event_id),
         counted AS (
             DELETE FROM analytics_order USING ended, completed_order
              WHERE completed_order.event_id = ended.event_id
                AND analytics_order.order_id = completed_order.order_id
                AND analytics_order.event_id = ended.event_id)
    DELETE FROM completed_order USING ended WHERE completed_order.event_id = ended.event_id
""")  # noqa: S608 - our own text
# The trigger takes it only after the rows, which a rebuild may wait for while it keeps everyone else out.
_KEEP_REBUILDS_OUT = text("SELECT pg_advisory_xact_lock_shared(analytics_lock())")
# A rebuild looks for the customers of kept orders, and would take the first of these for a first order.
_FORGET_CUSTOMERS = text("""
    DELETE FROM customer
     WHERE ctid = ANY(ARRAY(
           SELECT ctid FROM customer
            WHERE COALESCE(last_completed_at, first_completed_at) < statement_timestamp() - :age
              AND NOT EXISTS (SELECT FROM analytics_order WHERE analytics_order.user_id = customer.user_id)
            ORDER BY COALESCE(last_completed_at, first_completed_at)
            LIMIT :limit
              FOR UPDATE OF customer SKIP LOCKED))
""")
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

    ``recipients`` and ``deliveries`` count from the end of the order's last effect, ``inbox_events`` from an
    event's arrival, ``customers`` from their last order, and ``idempotency_keys`` from a key's first use.

    A recipient whose order was accepted four times as long ago is erased, whatever has not ended: the
    alimtalk is given up then.
    """

    def __init__(
        self,
        *,
        recipients: timedelta,
        deliveries: timedelta,
        inbox_events: timedelta,
        customers: timedelta,
        idempotency_keys: timedelta,
    ) -> None:
        self._recipients = recipients
        self._deliveries = deliveries
        self._inbox_events = inbox_events
        self._customers = customers
        self._idempotency_keys = idempotency_keys

    def sweeps(self) -> Mapping[str, Sweep]:
        """By the name that the log has for what they remove."""
        return {
            "recipients": self._erase_recipients,
            "orders": self._delete_orders,
            # After the orders, which say when a customer's last one was.
            "customers": _sweep(_FORGET_CUSTOMERS, self._customers),
            "alert_matches": _sweep(_DELETE_MATCHES, _MATCHES_KEPT),
            "inbox": delete_older(inbox, inbox.c.received_at, self._inbox_events),
            "idempotency_keys": delete_older(
                idempotency_key, idempotency_key.c.created_at, self._idempotency_keys
            ),
        }

    def _erase_recipients(self, connection: Connection, limit: int) -> int:
        longest = _LONGEST * self._recipients
        _sweep(_GIVE_UP_ALIMTALK, longest)(connection, limit)
        erased = _sweep(_ERASE_RECIPIENTS, self._recipients)(connection, limit)
        return erased + _sweep(_ERASE_KEPT_TOO_LONG, longest)(connection, limit)

    def _delete_orders(self, connection: Connection, limit: int) -> int:
        connection.execute(_KEEP_REBUILDS_OUT)
        return _sweep(_DELETE_ORDERS, self._deliveries)(connection, limit)


def _sweep(statement: TextClause, age: timedelta) -> Sweep:
    def sweep(connection: Connection, limit: int) -> int:
        return connection.execute(statement, {"age": age, "limit": limit}).rowcount

    return sweep
