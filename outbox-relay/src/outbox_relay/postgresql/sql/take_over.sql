-- Becomes the leader of a shard: a new epoch makes every cursor write of the former leader miss.
UPDATE outbox_cursor
SET epoch = epoch + 1, leader = :leader, updated_at = clock_timestamp()
WHERE shard = :shard
RETURNING epoch
