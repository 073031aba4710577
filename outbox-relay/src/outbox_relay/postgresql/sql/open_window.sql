-- Describes a new window: its upper snapshot, whether late rows are in it, where its main part begins.
--
-- The statement's own snapshot is the window's, so a row seen here is exactly a row of the window. When one is given,
-- rows beyond it may be seen, too, which does no harm: pages leave them out. "position + 0" keeps the planner from
-- walking the primary key through everything published in search of the smallest position. Of a large backlog only
-- the beginning is looked at, and main_rows = :cap then means that the beginning of the main part is unknown.
SELECT coalesce(:window, CAST(pg_current_snapshot() AS text)) AS snapshot,
       main.start AS main_start,
       main.rows AS main_rows,
       EXISTS (SELECT
               FROM pg_snapshot_xip(CAST(:snapshot AS pg_snapshot)) AS late (xid)
               CROSS JOIN LATERAL (SELECT FROM outbox WHERE outbox.xid = late.xid LIMIT 1) AS row) AS has_late_rows
FROM (SELECT min(first.position) AS start, count(*) AS rows
      FROM (SELECT position + 0 AS position
            FROM outbox
            WHERE xid >= pg_snapshot_xmax(CAST(:snapshot AS pg_snapshot))
            LIMIT :cap) AS first (position)) AS main
