-- Expands: former consumers go on. The schema says its version from here on.
CREATE FUNCTION @schema@.inbox_schema_version(OUT version integer, OUT oldest_supported integer)
LANGUAGE sql IMMUTABLE
AS $body$ SELECT 2, 1 $body$;
