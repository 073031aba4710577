-- The positions at which partitions begin, the lowest first; beyond the last one is the default partition's.
SELECT lower_position AS position FROM outbox_partition_bounds()
UNION ALL
SELECT max(upper_position) FROM outbox_partition_bounds()
ORDER BY position
