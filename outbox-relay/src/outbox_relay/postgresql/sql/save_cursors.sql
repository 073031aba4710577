-- Moves the cursors of some shards, each for the leader of its epoch only.
--
-- A row is found by the place where its leader left it: while some transaction keeps old versions of it alive, any other
-- way would lead through all of them. No row when it has moved since, or has another leader.
UPDATE outbox_cursor
SET snapshot = CAST(:snapshot AS pg_snapshot),
    window_snapshot = CAST(:window AS pg_snapshot),
    window_position = :position,
    updated_at = clock_timestamp()
WHERE ctid = ANY (CAST(:places AS tid[]))
  AND (shard, epoch) IN (SELECT * FROM unnest(CAST(:shards AS integer[]), CAST(:epochs AS bigint[])))
RETURNING shard, CAST(ctid AS text) AS place
