-- Who leads each shard, how many events wait there since when, how many are dead; counts no further than its cap.
--
-- Between windows what waits is found by xid. Inside of one, what is left begins after the position reached, plus
-- rows of transactions that had not ended when the window was opened. Beyond the cap the number of positions since the
-- first that waits tells about how many there are.
WITH cursor AS MATERIALIZED (
    SELECT shard, shards, snapshot, window_snapshot, coalesce(window_position, 0) AS window_position, epoch, leader
    FROM outbox_cursor
),
dead AS MATERIALIZED (
    SELECT mod(hashtextextended(aggregateid COLLATE "C", 0) & 2147483647, (SELECT max(shards) FROM cursor)) AS shard,
           count(*) AS letters
    FROM outbox_dead_letter
    WHERE state IN ('PARKED', 'REPLAYING')
    GROUP BY 1
)
SELECT cursor.shard,
       cursor.leader,
       cursor.epoch,
       waiting.events,
       CASE WHEN waiting.events >= :cap
            THEN greatest(:cap, ((SELECT max(position) FROM outbox) - waiting.first_position) / cursor.shards)
       END AS estimate,
       extract(epoch FROM clock_timestamp() - waiting.since) AS seconds,
       coalesce(dead.letters, 0) AS dead_letters,
       (SELECT min(name) FROM outbox_partition_bounds()
        WHERE lower_position = (SELECT min(lower_position) FROM outbox_partition_bounds())) AS oldest_partition,
       (SELECT extract(epoch FROM clock_timestamp() - created_at)
        FROM outbox ORDER BY position LIMIT 1) AS oldest_seconds
FROM cursor
LEFT JOIN dead ON dead.shard = cursor.shard
CROSS JOIN LATERAL (
    SELECT count(*) AS events, min(rows.created_at) AS since, min(rows.position) AS first_position
    FROM (
        SELECT * FROM (
            SELECT late_row.created_at, late_row.position, late_row.aggregateid
            FROM pg_snapshot_xip(cursor.snapshot) AS late (xid)
            CROSS JOIN LATERAL (SELECT created_at, position, aggregateid
                                FROM outbox
                                WHERE outbox.xid = late.xid
                                LIMIT :cap) AS late_row
            WHERE cursor.window_snapshot IS NULL
            UNION ALL
            SELECT outbox.created_at, outbox.position, outbox.aggregateid
            FROM outbox
            WHERE cursor.window_snapshot IS NULL
              AND outbox.xid >= pg_snapshot_xmax(cursor.snapshot)
            UNION ALL
            SELECT outbox.created_at, outbox.position, outbox.aggregateid
            FROM outbox
            WHERE cursor.window_snapshot IS NOT NULL
              AND outbox.position > cursor.window_position
              AND NOT pg_visible_in_snapshot(outbox.xid, cursor.snapshot)
            UNION ALL
            SELECT late_row.created_at, late_row.position, late_row.aggregateid
            FROM pg_snapshot_xip(cursor.window_snapshot) AS late (xid)
            CROSS JOIN LATERAL (SELECT created_at, position, aggregateid
                                FROM outbox
                                WHERE outbox.xid = late.xid
                                LIMIT :cap) AS late_row
            WHERE cursor.window_snapshot IS NOT NULL
              AND late_row.position <= cursor.window_position
        ) AS any_shard
        WHERE mod(hashtextextended(any_shard.aggregateid COLLATE "C", 0) & 2147483647, cursor.shards) = cursor.shard
        LIMIT :cap
    ) AS rows
) AS waiting
ORDER BY cursor.shard
