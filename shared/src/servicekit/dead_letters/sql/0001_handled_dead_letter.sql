-- One row for each record of a dead-letter topic that an operator has replayed or discarded. The record's time
-- is part of the key, since a topic that is made again counts its offsets from 0.
CREATE TABLE @schema@.handled_dead_letter (
    topic text NOT NULL,
    partition_number integer NOT NULL,
    record_offset bigint NOT NULL,
    record_time_ms bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('REPLAYED', 'DISCARDED')),
    handled_by text NOT NULL,
    reason text NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, partition_number, record_offset, record_time_ms)
);
CREATE FUNCTION @schema@.handled_dead_letter_schema_version(OUT version integer, OUT oldest_supported integer)
LANGUAGE sql IMMUTABLE
AS $body$ SELECT 1, 1 $body$;
