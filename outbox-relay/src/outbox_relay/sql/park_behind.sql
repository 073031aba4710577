-- Of some events, keeps those whose key is held back by an open dead letter, and returns the keys that are. Locking the
-- open ones makes a discard at the same time come before or after, and not between. Who follows only events that are
-- being replayed is replayed with them.
WITH open AS MATERIALIZED (
    SELECT topic, aggregateid, state
    FROM outbox_dead_letter
    WHERE state IN ('PARKED', 'REPLAYING')
      AND (topic, aggregateid) IN (SELECT * FROM unnest(CAST(:topics AS text[]), CAST(:keys AS text[])))
    FOR UPDATE
),
held AS (
    SELECT topic, aggregateid, bool_and(state = 'REPLAYING') AS is_replaying
    FROM open
    GROUP BY topic, aggregateid
),
kept AS (
    INSERT INTO outbox_dead_letter (position, id, topic, aggregatetype, aggregateid, type, source, payload,
                                    traceparent, created_at, state, kind, reason)
    SELECT outbox.position, outbox.id, outbox.topic, outbox.aggregatetype, outbox.aggregateid, outbox.type,
           outbox.source, outbox.payload, outbox.traceparent, outbox.created_at,
           CASE WHEN held.is_replaying THEN 'REPLAYING' ELSE 'PARKED' END, 'behind', 'its key is held back'
    FROM outbox
    JOIN held ON held.topic = outbox.topic AND held.aggregateid = outbox.aggregateid
    WHERE outbox.position = ANY (CAST(:positions AS bigint[]))
    ON CONFLICT (position) DO NOTHING
)
SELECT topic, aggregateid FROM held
