-- Expands: former consumers go on. Up to where a group has applied a partition, written with the effects: Kafka's own
-- committed offset says nothing of a database that went back, nor this one of a topic that was made anew, which its ids
-- tell. The next offset to apply may be lower, never higher.
CREATE TABLE @schema@.consumer_offset (
    consumer_group text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    cluster_id text NOT NULL,
    topic_id text,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer_group, topic, partition)
);

CREATE OR REPLACE FUNCTION @schema@.inbox_schema_version(OUT version integer, OUT oldest_supported integer)
LANGUAGE sql IMMUTABLE
AS $body$ SELECT 4, 1 $body$;
