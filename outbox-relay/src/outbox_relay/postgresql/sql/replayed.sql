-- Closes dead letters that have been acknowledged.
UPDATE outbox_dead_letter
SET state = 'REPLAYED', changed_at = clock_timestamp()
WHERE position = ANY (CAST(:positions AS bigint[]))
  AND state = 'REPLAYING'
