-- For each shard its leader, how many events wait and since when, and how many are dead letters; counts up to :cap of each.
--
-- Between windows what waits is found by xid. Inside of one, what is left begins after the position reached, plus
-- rows of transactions that had not ended when the window was opened. Shards that stand at the same place, which is
-- usual, are looked at together; to look until each of them is known would lead through all that waits where one has
-- next to nothing. Beyond the cap the number of positions since the first event that was looked at is about how many
-- wait, of which a shard has the same part as of those looked at; what is left out between two zones isn't counted.
WITH cursor AS MATERIALIZED (
    SELECT shard, shards, snapshot, window_snapshot, coalesce(window_position, 0) AS window_position, epoch, leader,
           concat_ws('/', snapshot, window_snapshot, coalesce(window_position, 0)) AS place
    FROM outbox_cursor
),
dead AS MATERIALIZED (
    SELECT mod(hashtextextended(aggregateid COLLATE "C", 0) & 2147483647, (SELECT max(shards) FROM cursor)) AS shard,
           count(*) AS letters
    FROM (SELECT aggregateid FROM outbox_dead_letter WHERE state IN ('PARKED', 'REPLAYING') LIMIT :cap) AS letter
    GROUP BY 1
),
waiting AS MATERIALIZED (
    SELECT here.place, rows.created_at, rows.position,
           mod(hashtextextended(rows.aggregateid COLLATE "C", 0) & 2147483647, here.shards) AS shard
    FROM (SELECT DISTINCT ON (place) * FROM cursor ORDER BY place) AS here
    CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT late_row.created_at, late_row.position, late_row.aggregateid
            FROM pg_snapshot_xip(here.snapshot) AS late (xid)
            CROSS JOIN LATERAL (SELECT created_at, position, aggregateid
                                FROM outbox
                                WHERE outbox.xid = late.xid
                                LIMIT :cap) AS late_row
            WHERE here.window_snapshot IS NULL
            UNION ALL
            SELECT outbox.created_at, outbox.position, outbox.aggregateid
            FROM outbox
            WHERE here.window_snapshot IS NULL
              AND outbox.xid >= pg_snapshot_xmax(here.snapshot)
            UNION ALL
            SELECT outbox.created_at, outbox.position, outbox.aggregateid
            FROM outbox
            WHERE here.window_snapshot IS NOT NULL
              AND outbox.position > here.window_position
              AND NOT pg_visible_in_snapshot(outbox.xid, here.snapshot)
            UNION ALL
            SELECT late_row.created_at, late_row.position, late_row.aggregateid
            FROM pg_snapshot_xip(here.window_snapshot) AS late (xid)
            CROSS JOIN LATERAL (SELECT created_at, position, aggregateid
                                FROM outbox
                                WHERE outbox.xid = late.xid
                                LIMIT :cap) AS late_row
            WHERE here.window_snapshot IS NOT NULL
              AND late_row.position <= here.window_position
        ) AS any_shard
        LIMIT :cap
    ) AS rows
),
looked_at AS MATERIALIZED (
    SELECT place, events,
           (SELECT CAST(sum(last.position - greatest(zone.lower_position, first)) AS bigint)
            FROM outbox_zone_bounds() AS zone
            CROSS JOIN LATERAL (SELECT max(position)
                                FROM outbox
                                WHERE position >= zone.lower_position
                                  AND position < zone.upper_position) AS last (position)
            WHERE zone.upper_position > first) AS positions
    FROM (SELECT place, count(*) AS events, min(position) AS first FROM waiting GROUP BY place) AS place
),
counted AS MATERIALIZED (
    SELECT place, shard, count(*) AS events, min(created_at) AS since
    FROM waiting
    GROUP BY place, shard
)
SELECT cursor.shard,
       cursor.leader,
       cursor.epoch,
       coalesce(counted.events, 0) AS events,
       CASE WHEN looked_at.events >= :cap
            THEN coalesce(greatest(counted.events, looked_at.positions * counted.events / looked_at.events), 0)
       END AS estimate,
       extract(epoch FROM clock_timestamp() - counted.since) AS seconds,
       coalesce(dead.letters, 0) AS dead_letters,
       (SELECT min(name) FROM outbox_partition_bounds()
        WHERE lower_position = (SELECT min(lower_position) FROM outbox_partition_bounds())) AS oldest_partition,
       (SELECT extract(epoch FROM clock_timestamp() - created_at)
        FROM outbox ORDER BY position LIMIT 1) AS oldest_seconds
FROM cursor
LEFT JOIN dead ON dead.shard = cursor.shard
LEFT JOIN looked_at ON looked_at.place = cursor.place
LEFT JOIN counted ON counted.place = cursor.place AND counted.shard = cursor.shard
ORDER BY cursor.shard
