-- The next rows of a window, by position: not visible in its lower snapshot, visible in its upper one.
--
-- Late rows come from transactions that were running when the lower snapshot was taken; each transaction's are found
-- by its xid. That is compared as a row, so that old statistics can't make the planner look for them along the primary
-- key, behind everything published since.
--
-- All others have an xid from the lower snapshot's xmax on and lie close together, so they are read along the primary
-- key from where they begin. Their conditions on xid are filters that no index can serve: an index scan by xid would
-- have to sort what is left of the window again for every page.
SELECT id, topic, aggregateid, type, source, payload, traceparent, created_at, position
FROM (
    (SELECT CAST(rows.id AS text), rows.topic, rows.aggregateid, rows.type, rows.source,
            CAST(rows.payload AS text), rows.traceparent, rows.created_at, rows.position
     FROM pg_snapshot_xip(CAST(:snapshot AS pg_snapshot)) AS late (xid)
     CROSS JOIN LATERAL (SELECT *
                         FROM outbox
                         WHERE (outbox.xid, outbox.position) > (late.xid, :position)
                           AND outbox.xid <= late.xid
                           AND pg_visible_in_snapshot(outbox.xid, CAST(:window AS pg_snapshot))
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
     ORDER BY position
     LIMIT :limit)
) AS page (id, topic, aggregateid, type, source, payload, traceparent, created_at, position)
ORDER BY position
LIMIT :limit
