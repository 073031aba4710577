-- Makes partitions ahead of the events, and begins the next one when the present one is old.
SELECT outbox_add_partitions(:positions, :ahead, :max_age)
