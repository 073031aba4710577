-- Gives up a selection's parked events, and has what else is parked of their keys sent again if that is asked for.
WITH discarded AS (
    UPDATE outbox_dead_letter
    SET state = 'DISCARDED', changed_at = clock_timestamp(), changed_by = :by, change_reason = :reason
    WHERE state = 'PARKED'
      AND (CAST(:ids AS uuid[]) IS NULL OR id = ANY (CAST(:ids AS uuid[])))
      AND topic = coalesce(:topic, topic)
      AND aggregateid = coalesce(:key, aggregateid)
      AND kind = coalesce(:kind, kind)
    RETURNING position, id, topic, aggregateid, key_hash
),
rest AS MATERIALIZED (
    -- As of before this statement, in which what has just been discarded is parked.
    SELECT letter.position
    FROM outbox_dead_letter AS letter
    JOIN (SELECT DISTINCT key_hash, topic, aggregateid FROM discarded) AS own USING (key_hash, topic, aggregateid)
    WHERE letter.state = 'PARKED'
      AND NOT EXISTS (SELECT FROM discarded WHERE discarded.position = letter.position)
),
replaying AS (
    UPDATE outbox_dead_letter AS letter
    SET state = 'REPLAYING', changed_at = clock_timestamp(), changed_by = :by, change_reason = :reason
    FROM rest
    WHERE letter.position = rest.position
      AND :replay_rest
    RETURNING letter.position
)
SELECT (SELECT count(*) FROM discarded) AS discarded,
       (SELECT count(*) FROM replaying) AS replaying,
       (SELECT count(*) FROM rest) - (SELECT count(*) FROM replaying) AS still_parked,
       ARRAY(SELECT CAST(id AS text) FROM discarded ORDER BY position LIMIT :shown) AS event_ids
