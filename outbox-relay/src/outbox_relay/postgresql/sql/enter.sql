-- Takes part in this outbox: a lock that all of its relays share, freed with the session.
SELECT pg_try_advisory_lock_shared(:program, :lock)
