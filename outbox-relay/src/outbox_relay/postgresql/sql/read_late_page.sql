-- Like read_page.sql, for a window that also has late rows: rows of transactions that were running when the lower
-- snapshot was taken. Each transaction's are found by its xid. That is compared as a row, so that old statistics can't
-- make the planner look for them along the primary key, behind everything published since.
SELECT position, id, topic, aggregateid, type, source, payload, traceparent,
       to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time,
       CAST(extract(epoch FROM clock_timestamp() - created_at) AS float8) AS age_seconds,
       bytes
FROM (SELECT page.*, sum(octet_length(payload)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) AS bytes
      FROM (SELECT *
            FROM ((SELECT CAST(rows.id AS text), rows.topic, rows.aggregateid, rows.type, rows.source,
                          CAST(rows.payload AS text), rows.traceparent, rows.created_at, rows.position
                   FROM pg_snapshot_xip(CAST(:snapshot AS pg_snapshot)) AS late (xid)
                   CROSS JOIN LATERAL (SELECT *
                                       FROM outbox
                                       WHERE (outbox.xid, outbox.position) > (late.xid, :position)
                                         AND outbox.xid <= late.xid
                                         AND pg_visible_in_snapshot(outbox.xid, CAST(:window AS pg_snapshot))
                                         AND /*shards*/
                                       ORDER BY outbox.xid, outbox.position
                                       LIMIT :limit) AS rows
                   ORDER BY rows.position
                   LIMIT :limit)
                  UNION ALL
                  (SELECT CAST(id AS text), topic, aggregateid, type, source,
                          CAST(payload AS text), traceparent, created_at, position
                   FROM outbox
                   WHERE position >= :main_start
                     AND position > :position
                     AND NOT pg_visible_in_snapshot(xid, CAST(:snapshot AS pg_snapshot))
                     AND pg_visible_in_snapshot(xid, CAST(:window AS pg_snapshot))
                     AND xid <> ALL (ARRAY(SELECT pg_snapshot_xip(CAST(:snapshot AS pg_snapshot))))
                     AND /*shards*/
                   ORDER BY position
                   LIMIT :limit)) AS both_parts
                   (id, topic, aggregateid, type, source, payload, traceparent, created_at, position)
            ORDER BY position
            LIMIT :limit) AS page) AS page
WHERE bytes - octet_length(payload) < :bytes
ORDER BY position
