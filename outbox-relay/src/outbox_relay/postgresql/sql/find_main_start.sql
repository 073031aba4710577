-- Where the main part of a window begins within one partition; null if it has nothing of it.
--
-- No row that is seen here has an xid from the upper bound on. It is said to the planner, which without statistics takes
-- a lower bound alone for a third of the table and then prefers to read the partition by position.
SELECT min(position + 0)
FROM outbox
WHERE position >= :from
  AND position < :to
  AND xid >= pg_snapshot_xmax(CAST(:snapshot AS pg_snapshot))
  AND xid < pg_snapshot_xmax(pg_current_snapshot())
