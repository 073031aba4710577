"""What operators watch of deliveries, counted for all processes together."""

from sqlalchemy import Connection, text

from notification_service.domain.notification_figures import DeliveryFigures

# Each count has a partial index of its own, so that it reads only what it counts.
_FIGURES = text("""
    SELECT (SELECT count(*) FROM delivery WHERE status = 'UNKNOWN' AND due_at IS NULL) AS needing_operator,
           count(*) FILTER (WHERE status = 'EXPIRED') AS expired,
           -- Not those that an operator ended.
           count(*) FILTER (WHERE status = 'GIVEN_UP' AND given_up_by IS NULL) AS given_up,
           count(*) FILTER (WHERE status = 'FAILED' AND effect = 'ALIMTALK'
                              AND completed_at > statement_timestamp() - interval '1 hour') AS failed,
           (SELECT count(*) FROM delivery
             WHERE due_at IS NOT NULL
               AND (due_at < statement_timestamp() - interval '15 minutes'
                    OR first_attempted_at < statement_timestamp() - interval '15 minutes'
                       -- What waits for a reason of ours waits on purpose.
                       -- What is only ever interrupted has none.
                       AND COALESCE(last_error, '') NOT IN (
                           'QUIET_HOURS', 'TEMPLATE_NOT_USABLE', 'NOT_DELIVERED', 'EARLIER_MESSAGE')))
           AS overdue
      FROM delivery
     WHERE status IN ('EXPIRED', 'GIVEN_UP', 'FAILED')
       AND completed_at > statement_timestamp() - interval '1 day'
""")
# By the orders' ids, which are times: the last that was delivered is near, or else the first that failed is.
# In a sale, results come later than refusals, and some later than others. So a refusal is compared with what
# was taken behind it, and a failure counts once results of later orders had time to come.
_FAILED_IN_A_ROW = text("""
    WITH failed AS (
        SELECT delivery_id, accepted_at IS NOT NULL AS was_accepted FROM delivery
         WHERE status = 'FAILED' AND effect = 'ALIMTALK'
           AND completed_at BETWEEN statement_timestamp() - interval '1 day'
                                AND statement_timestamp() - interval '5 minutes'),
    delivered AS (
        SELECT delivery_id FROM delivery
         WHERE effect = 'ALIMTALK' AND status = 'DELIVERED'
           AND delivery_id > (SELECT delivery_id FROM failed ORDER BY delivery_id LIMIT 1)
         ORDER BY delivery_id DESC
         LIMIT 1),
    accepted AS (
        SELECT delivery_id FROM delivery
         WHERE effect = 'ALIMTALK' AND status IN ('ACCEPTED', 'DELIVERED')
           AND delivery_id > (SELECT delivery_id FROM failed ORDER BY delivery_id LIMIT 1)
         ORDER BY delivery_id DESC
         LIMIT 1)
    SELECT count(*) FROM failed
     WHERE NOT EXISTS (SELECT FROM delivered WHERE delivered.delivery_id > failed.delivery_id)
       AND (was_accepted
            OR NOT EXISTS (SELECT FROM accepted WHERE accepted.delivery_id > failed.delivery_id))
""")
# A recipient whose phone is off says nothing of the account, once a later order's message is delivered. The
# last of them suffice: the search for a delivery goes back no further.
_UNREPORTED_IN_A_ROW = text("""
    WITH unreported AS (
        SELECT delivery_id FROM delivery
         WHERE result_due_at IS NOT NULL
           AND accepted_at < statement_timestamp() - interval '2 hours'
         ORDER BY delivery_id DESC
         LIMIT 100),
    delivered AS (
        SELECT delivery_id FROM delivery
         WHERE effect = 'ALIMTALK' AND status = 'DELIVERED'
           AND delivery_id > (SELECT delivery_id FROM unreported ORDER BY delivery_id LIMIT 1)
         ORDER BY delivery_id DESC
         LIMIT 1)
    SELECT count(*) FROM unreported
     WHERE NOT EXISTS (SELECT FROM delivered WHERE delivered.delivery_id > unreported.delivery_id)
""")


class SqlDeliveryFigures:
    """The figures on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self) -> DeliveryFigures:
        row = self._connection.execute(_FIGURES).one()
        return DeliveryFigures(
            row.needing_operator,
            row.expired,
            row.given_up,
            row.failed,
            row.overdue,
            failed_in_a_row=self._connection.execute(_FAILED_IN_A_ROW).scalar_one(),
            unreported_in_a_row=self._connection.execute(_UNREPORTED_IN_A_ROW).scalar_one(),
        )
