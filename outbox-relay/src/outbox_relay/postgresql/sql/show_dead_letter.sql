-- One dead letter with what it carries; of those of one event that goes to several topics, one that is open if any is.
SELECT position, CAST(id AS text) AS event_id, topic, aggregateid AS key, type AS event_type, source, state, kind, reason,
       attempts, created_at, parked_at, changed_at, changed_by, change_reason,
       CAST(payload AS text) AS payload, traceparent,
       to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time,
       CAST(extract(epoch FROM clock_timestamp() - created_at) AS float8) AS age_seconds
FROM outbox_dead_letter
WHERE id = CAST(:event_id AS uuid)
ORDER BY state IN ('PARKED', 'REPLAYING') DESC, position
LIMIT 1
