-- Expands: former consumers go on. Serves the deletion of old events.
--
-- Building the index takes about a second a million events, and consumers wait for it. Where that is too long, build it
-- before, without a transaction: CREATE INDEX CONCURRENTLY.
CREATE INDEX IF NOT EXISTS inbox_received_at_idx ON @schema@.inbox (received_at);

CREATE OR REPLACE FUNCTION @schema@.inbox_schema_version(OUT version integer, OUT oldest_supported integer)
LANGUAGE sql IMMUTABLE
AS $body$ SELECT 3, 1 $body$;
