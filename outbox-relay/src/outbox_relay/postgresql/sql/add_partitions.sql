-- Makes partitions ahead of the events, and begins the next one, or the next zone, when the present one is to be left.
SELECT outbox_add_partitions(:positions, :ahead, :max_age)
