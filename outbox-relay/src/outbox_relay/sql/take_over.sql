-- Becomes the leader of a shard: a new epoch makes every cursor write of the former leader miss.
UPDATE outbox_cursor
SET epoch = epoch + 1, leader = :leader, updated_at = clock_timestamp()
WHERE shard = :shard
RETURNING epoch,
          CAST(snapshot AS text) AS snapshot,
          CAST(window_snapshot AS text) AS window_snapshot,
          coalesce(window_position, 0) AS window_position
