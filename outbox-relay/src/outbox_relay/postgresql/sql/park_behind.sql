-- Of some events, keeps those that follow an open dead letter of their key. Returns such keys with the position from
-- which on they are held back, and of the events themselves the positions of those that have been discarded.
--
-- Followers take the state of their key's last open dead letter: what follows a replayed event is replayed with it.
-- No operator replays or discards meanwhile, see lock_dead_letters.sql. Two rows of each key are looked at, however many are
-- parked.
WITH held AS MATERIALIZED (
    SELECT wanted.topic, wanted.aggregateid, first.position, last.state
    FROM (SELECT topic, aggregateid,
                 hashtextextended(aggregateid COLLATE "C", hashtextextended(topic COLLATE "C", 0)) AS key_hash
          FROM unnest(CAST(:topics AS text[]), CAST(:keys AS text[])) AS key (topic, aggregateid)) AS wanted
    CROSS JOIN LATERAL (SELECT position
                        FROM outbox_dead_letter AS letter
                        WHERE letter.key_hash = wanted.key_hash
                          AND letter.topic = wanted.topic
                          AND letter.aggregateid = wanted.aggregateid
                          AND letter.state IN ('PARKED', 'REPLAYING')
                        ORDER BY letter.key_hash, letter.position
                        LIMIT 1) AS first
    CROSS JOIN LATERAL (SELECT state
                        FROM outbox_dead_letter AS letter
                        WHERE letter.key_hash = wanted.key_hash
                          AND letter.topic = wanted.topic
                          AND letter.aggregateid = wanted.aggregateid
                          AND letter.state IN ('PARKED', 'REPLAYING')
                        ORDER BY letter.key_hash DESC, letter.position DESC
                        LIMIT 1) AS last
),
kept AS (
    INSERT INTO outbox_dead_letter (position, id, topic, aggregatetype, aggregateid, type, source, payload,
                                    traceparent, created_at, state, kind, reason, attempts)
    SELECT outbox.position, outbox.id, outbox.topic, outbox.aggregatetype, outbox.aggregateid, outbox.type,
           outbox.source, outbox.payload, outbox.traceparent, outbox.created_at,
           held.state, 'behind', 'its key is held back', 0
    FROM outbox
    JOIN held ON held.topic = outbox.topic AND held.aggregateid = outbox.aggregateid AND held.position < outbox.position
    WHERE outbox.position = ANY (CAST(:positions AS bigint[]))
    -- One that has been replayed comes again where the outbox was rewound, because Kafka may have lost it.
    ON CONFLICT (position) DO UPDATE
    SET state = excluded.state, kind = excluded.kind, reason = excluded.reason, changed_at = clock_timestamp()
    WHERE outbox_dead_letter.state = 'REPLAYED'
)
SELECT topic, aggregateid, position FROM held
UNION ALL
SELECT NULL, NULL, position
FROM outbox_dead_letter
WHERE position = ANY (CAST(:positions AS bigint[]))
  AND state = 'DISCARDED'
