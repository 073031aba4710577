-- Expands: former relays and writers go on. In a publication of all tables (Debezium's default, a warehouse's loader, an
-- upgrade by logical replication) PostgreSQL refuses to update or delete rows of a table without a replica identity.
--
-- Not a key: see 0001. A unique index on the shard alone makes a save cost milliseconds while a transaction is held open,
-- and one on a column that each save changes grows with every save; with neither, the old row itself is the identity.
-- A PostgreSQL server that subscribes can't compare snapshots and needs a key on its own copy: ADD PRIMARY KEY (shard).
ALTER TABLE @schema@.outbox_cursor REPLICA IDENTITY FULL;

CREATE OR REPLACE FUNCTION @schema@.outbox_schema_version(OUT version integer, OUT oldest_supported integer)
LANGUAGE sql IMMUTABLE
AS $body$ SELECT 3, 1 $body$;
