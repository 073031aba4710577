-- Keeps copies of events as dead letters. One that is kept already, because a crash came before the cursor moved, stays
-- as it is.
INSERT INTO outbox_dead_letter (position, id, topic, aggregatetype, aggregateid, type, source, payload, traceparent,
                                created_at, state, kind, reason)
SELECT position, id, topic, aggregatetype, aggregateid, type, source, payload, traceparent,
       created_at, 'PARKED', :kind, :reason
FROM outbox
WHERE position = ANY (CAST(:positions AS bigint[]))
ON CONFLICT (position) DO UPDATE
SET state = 'PARKED', attempts = outbox_dead_letter.attempts + 1, kind = excluded.kind, reason = excluded.reason,
    changed_at = clock_timestamp()
WHERE outbox_dead_letter.state = 'REPLAYING'
