-- Has a selection's parked events sent again: up to the last one of each key if events were named, else whole keys.
WITH chosen AS (
    SELECT topic, aggregateid, key_hash,
           CASE WHEN CAST(:ids AS uuid[]) IS NULL THEN 9223372036854775807 ELSE max(position) END AS up_to
    FROM outbox_dead_letter
    WHERE state = 'PARKED'
      AND (CAST(:ids AS uuid[]) IS NULL OR id = ANY (CAST(:ids AS uuid[])))
      AND topic = coalesce(:topic, topic)
      AND aggregateid = coalesce(:key, aggregateid)
      AND kind = coalesce(:kind, kind)
    GROUP BY topic, aggregateid, key_hash
),
replaying AS (
    UPDATE outbox_dead_letter AS letter
    SET state = 'REPLAYING', changed_at = clock_timestamp(), changed_by = :by, change_reason = :reason
    FROM chosen
    WHERE letter.key_hash = chosen.key_hash
      AND letter.topic = chosen.topic
      AND letter.aggregateid = chosen.aggregateid
      AND letter.position <= chosen.up_to
      AND letter.state = 'PARKED'
    RETURNING letter.position, letter.id
)
SELECT count(*) AS replaying,
       ARRAY(SELECT CAST(id AS text) FROM replaying ORDER BY position LIMIT :shown) AS event_ids
FROM replaying
