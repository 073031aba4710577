-- The next rows of a window, by position: not visible in its lower snapshot, visible in its upper one.
--
-- All but late rows have an xid from the lower snapshot's xmax on and lie close together, so they are read along the
-- primary key from where they begin. Their conditions on xid are filters that no index can serve: an index scan by xid
-- would have to sort what is left of the window again for every page.
--
-- Rows are taken until their payloads have :bytes, and one in any case; bytes is their sum so far.
SELECT position, id, topic, aggregateid, type, source, payload, traceparent,
       to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time,
       CAST(extract(epoch FROM clock_timestamp() - created_at) AS float8) AS age_seconds,
       bytes
FROM (SELECT page.*, sum(octet_length(payload)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) AS bytes
      FROM (SELECT CAST(id AS text), topic, aggregateid, type, source,
                   CAST(payload AS text), traceparent, created_at, position
            FROM outbox
            WHERE position >= :main_start
              AND position > :position
              AND NOT pg_visible_in_snapshot(xid, CAST(:snapshot AS pg_snapshot))
              AND pg_visible_in_snapshot(xid, CAST(:window AS pg_snapshot))
              AND xid <> ALL (ARRAY(SELECT pg_snapshot_xip(CAST(:snapshot AS pg_snapshot))))
              AND /*shards*/
            ORDER BY position
            LIMIT :limit) AS page) AS page
WHERE bytes - octet_length(payload) < :bytes
ORDER BY position
