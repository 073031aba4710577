-- The next events to be replayed, until their payloads have :bytes, and one in any case. One of them waits while an
-- earlier one of its key is parked, and until the cursor has passed it: what was read with it may not have been sent.
-- Where the original is gone, the cursor passed it long ago. (The subquery isn't made a join, so it costs one row each.)
SELECT position, id, topic, aggregateid, type, source, payload, traceparent,
       to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time,
       CAST(extract(epoch FROM clock_timestamp() - created_at) AS float8) AS age_seconds
FROM (SELECT page.*, sum(octet_length(payload)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) AS bytes
      FROM (SELECT position, CAST(id AS text), topic, aggregateid, type, source,
                   CAST(payload AS text), traceparent, created_at
            FROM outbox_dead_letter AS letter
            WHERE state = 'REPLAYING'
              AND /*shards*/
              AND NOT EXISTS (SELECT
                              FROM outbox_dead_letter AS earlier
                              WHERE earlier.key_hash = letter.key_hash
                                AND earlier.topic = letter.topic
                                AND earlier.aggregateid = letter.aggregateid
                                AND earlier.position < letter.position
                                AND earlier.state = 'PARKED')
              AND (SELECT pg_visible_in_snapshot(xid, CAST(:snapshot AS pg_snapshot))
                          OR (position <= :position AND pg_visible_in_snapshot(xid, CAST(:window AS pg_snapshot)))
                   FROM outbox
                   WHERE outbox.position = letter.position) IS NOT FALSE
            ORDER BY position
            LIMIT :limit) AS page) AS page
WHERE bytes - octet_length(payload) < :bytes
ORDER BY position
