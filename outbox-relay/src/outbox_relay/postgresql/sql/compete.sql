-- Keeps this session from being idle, and returns what a relay must know to compete: the sessions that take part in this
-- outbox, which of them is this one, and the epoch of each shard.
SELECT (SELECT array_agg(pid ORDER BY pid)
        FROM pg_locks
        WHERE locktype = 'advisory'
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND classid = CAST(:program AS bigint)::oid
          AND objid = CAST(:member_lock AS bigint)::oid
          AND objsubid = 2
          AND mode = 'ShareLock'
          AND granted) AS members,
       pg_backend_pid() AS own,
       (SELECT array_agg(epoch ORDER BY shard) FROM outbox_cursor) AS epochs
