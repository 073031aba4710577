-- Where the main part of a window begins within one partition; null if it has nothing of it.
SELECT min(position + 0)
FROM outbox
WHERE position >= :from
  AND position < :to
  AND xid >= pg_snapshot_xmax(CAST(:snapshot AS pg_snapshot))
