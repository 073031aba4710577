-- Gives the outbox another number of shards.
SELECT outbox_reshard(:shards)
