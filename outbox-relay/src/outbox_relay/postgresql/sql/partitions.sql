-- The positions at which partitions begin, those with bounds and the default ones of their zones, the lowest first.
SELECT lower_position AS position FROM outbox_partition_bounds()
UNION
SELECT upper_position FROM outbox_partition_bounds()
UNION
SELECT lower_position FROM outbox_zone_bounds()
ORDER BY position
