-- Expands: former relays and writers go on. The schema says its version from here on.
CREATE FUNCTION @schema@.outbox_schema_version(OUT version integer, OUT oldest_supported integer)
LANGUAGE sql IMMUTABLE
AS $body$ SELECT 2, 1 $body$;

-- Also where functions are closed to PUBLIC by default.
GRANT EXECUTE ON FUNCTION @schema@.outbox_schema_version() TO @relay_role@;
