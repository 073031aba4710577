-- Lets others lead this shard.
SELECT pg_advisory_unlock(:program, :lock)
