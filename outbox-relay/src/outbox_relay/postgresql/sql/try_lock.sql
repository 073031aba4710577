-- Takes the lock of one shard for this session, without waiting for it.
SELECT pg_try_advisory_lock(:program, :lock)
