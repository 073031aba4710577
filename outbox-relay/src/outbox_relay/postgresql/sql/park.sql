-- Keeps copies of events as dead letters. One that is kept already, because a crash came before the cursor moved, stays
-- as it is. One that was to be sent again, or has been sent before, is refused once more: it is parked anew, and with it
-- those of its key that were to follow it. The original may be gone by then, so it isn't asked for.
WITH again AS (
    UPDATE outbox_dead_letter
    SET state = 'PARKED', attempts = attempts + 1, kind = :kind, reason = :reason, changed_at = clock_timestamp()
    WHERE position = ANY (CAST(:positions AS bigint[]))
      AND state IN ('REPLAYING', 'REPLAYED')
    RETURNING topic, aggregateid, key_hash, position
),
added AS (
    INSERT INTO outbox_dead_letter (position, id, topic, aggregatetype, aggregateid, type, source, payload,
                                    traceparent, created_at, state, kind, reason)
    SELECT position, id, topic, aggregatetype, aggregateid, type, source, payload,
           traceparent, created_at, 'PARKED', :kind, :reason
    FROM outbox
    WHERE position = ANY (CAST(:positions AS bigint[]))
    ON CONFLICT (position) DO NOTHING
    RETURNING topic, aggregateid, key_hash, position
)
UPDATE outbox_dead_letter AS follower
SET state = 'PARKED', changed_at = clock_timestamp()
FROM (SELECT topic, aggregateid, key_hash, min(position) AS position
      FROM (TABLE again UNION ALL TABLE added) AS refused
      GROUP BY topic, aggregateid, key_hash) AS first
WHERE follower.key_hash = first.key_hash
  AND follower.topic = first.topic
  AND follower.aggregateid = first.aggregateid
  AND follower.position > first.position
  AND follower.position <> ALL (CAST(:positions AS bigint[]))
  AND follower.state = 'REPLAYING'
