-- Moves the cursor, for the leader of this epoch only.
UPDATE outbox_cursor
SET snapshot = CAST(:snapshot AS pg_snapshot),
    window_snapshot = CAST(:window AS pg_snapshot),
    window_position = :position,
    updated_at = clock_timestamp()
WHERE shard = :shard
  AND epoch = :epoch
