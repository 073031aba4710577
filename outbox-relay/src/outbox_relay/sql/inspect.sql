-- Who leads a shard, and how many events wait there since when; counts no further than its cap.
--
-- Between windows what waits is found by xid. Inside of one, what is left begins after the position reached, plus
-- rows of transactions that had not ended when the window was opened.
WITH cursor AS MATERIALIZED (
    SELECT snapshot, window_snapshot, coalesce(window_position, 0) AS window_position, epoch, leader
    FROM outbox_cursor
    WHERE shard = :shard
),
waiting AS MATERIALIZED (
    SELECT rows.created_at
    FROM cursor
    CROSS JOIN LATERAL (
        SELECT late_row.created_at
        FROM pg_snapshot_xip(cursor.snapshot) AS late (xid)
        CROSS JOIN LATERAL (SELECT created_at FROM outbox WHERE outbox.xid = late.xid LIMIT :cap) AS late_row
        WHERE cursor.window_snapshot IS NULL
        UNION ALL
        SELECT outbox.created_at
        FROM outbox
        WHERE cursor.window_snapshot IS NULL
          AND outbox.xid >= pg_snapshot_xmax(cursor.snapshot)
        UNION ALL
        SELECT outbox.created_at
        FROM outbox
        WHERE cursor.window_snapshot IS NOT NULL
          AND outbox.position > cursor.window_position
          AND NOT pg_visible_in_snapshot(outbox.xid, cursor.snapshot)
        UNION ALL
        SELECT late_row.created_at
        FROM pg_snapshot_xip(cursor.window_snapshot) AS late (xid)
        CROSS JOIN LATERAL (SELECT created_at, position
                            FROM outbox
                            WHERE outbox.xid = late.xid
                            LIMIT :cap) AS late_row
        WHERE cursor.window_snapshot IS NOT NULL
          AND late_row.position <= cursor.window_position
    ) AS rows
    LIMIT :cap
)
SELECT cursor.leader,
       cursor.epoch,
       (SELECT count(*) FROM waiting) AS events,
       (SELECT extract(epoch FROM clock_timestamp() - min(created_at)) FROM waiting) AS seconds
FROM cursor
