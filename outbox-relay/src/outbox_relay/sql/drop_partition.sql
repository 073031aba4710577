-- Drops the oldest partition if nobody needs it any more.
SELECT outbox_drop_partition(:retention)
