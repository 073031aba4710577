-- The next events to be replayed. One of them waits while an earlier one of its key is parked.
SELECT position, CAST(id AS text), topic, aggregateid, type, source, CAST(payload AS text), traceparent,
       to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time,
       CAST(extract(epoch FROM clock_timestamp() - created_at) AS float8) AS age_seconds
FROM outbox_dead_letter AS letter
WHERE state = 'REPLAYING'
  AND /*shards*/
  AND NOT EXISTS (SELECT
                  FROM outbox_dead_letter AS earlier
                  WHERE earlier.topic = letter.topic
                    AND earlier.aggregateid = letter.aggregateid
                    AND earlier.position < letter.position
                    AND earlier.state = 'PARKED')
ORDER BY position
LIMIT :limit
