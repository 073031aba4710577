-- Where the leader of this epoch goes on; no row for a former one.
SELECT CAST(snapshot AS text) AS snapshot,
       CAST(window_snapshot AS text) AS window_snapshot,
       coalesce(window_position, 0) AS window_position
FROM outbox_cursor
WHERE shard = :shard
  AND epoch = :epoch
