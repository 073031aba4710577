-- Dead letters in order of position, without what they carry.
SELECT position, CAST(id AS text) AS event_id, topic, aggregateid AS key, type AS event_type, source, state, kind, reason,
       attempts, created_at, parked_at, changed_at, changed_by, change_reason
FROM outbox_dead_letter
WHERE position > :after
  AND state = ANY (:states)
  AND topic = coalesce(:topic, topic)
  AND aggregateid = coalesce(:key, aggregateid)
ORDER BY position
LIMIT :limit
