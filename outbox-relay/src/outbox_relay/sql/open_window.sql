-- Tells what a new window would hold: its upper snapshot, where its main part begins, whether late rows are in it.
--
-- The statement's own snapshot is the window's, so a row seen here is exactly a row of the window. When one is given,
-- the window was opened before, and only its beginning is looked up again. "position + 0" keeps the planner from
-- walking the primary key through everything published in search of the smallest position, LIMIT from joining with
-- the whole table.
SELECT coalesce(:window, CAST(pg_current_snapshot() AS text)) AS snapshot,
       (SELECT min(position + 0)
        FROM outbox
        WHERE xid >= pg_snapshot_xmax(CAST(:snapshot AS pg_snapshot))) AS main_start,
       EXISTS (SELECT
               FROM pg_snapshot_xip(CAST(:snapshot AS pg_snapshot)) AS late (xid)
               CROSS JOIN LATERAL (SELECT FROM outbox WHERE outbox.xid = late.xid LIMIT 1) AS row) AS has_late_rows
