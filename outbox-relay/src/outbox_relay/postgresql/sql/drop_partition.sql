-- Drops the oldest partition, or a zone without any, if nobody needs it any more.
SELECT outbox_drop_partition(:retention)
