-- Where the leaders of these epochs go on; no row for a former one. The row's place lets the next write find it at once.
SELECT shard,
       shards,
       CAST(snapshot AS text) AS snapshot,
       CAST(window_snapshot AS text) AS window_snapshot,
       coalesce(window_position, 0) AS window_position,
       CAST(ctid AS text) AS place,
       system_identifier = (SELECT system_identifier FROM pg_control_system())
           AND pg_snapshot_xmax(snapshot) <= pg_snapshot_xmax(pg_current_snapshot()) AS is_of_this_cluster
FROM outbox_cursor
WHERE (shard, epoch) IN (SELECT * FROM unnest(CAST(:shards AS integer[]), CAST(:epochs AS bigint[])))
