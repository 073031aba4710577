-- Expands: former relays and writers go on. The relay remembers which Kafka topics it has published to, so that it
-- notices when they were made anew, and kept events can be published again.
--
-- topic_id is Kafka's own, which a topic that was deleted and made again doesn't keep; clusters before 2.8 have none.
CREATE TABLE @schema@.outbox_kafka_topic (
    topic text PRIMARY KEY,
    cluster_id text NOT NULL,
    topic_id text,
    known_since timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Publishes again what is kept from a time on, in order, together with what waits. No row changes and no writer waits:
-- the cursors go back to one snapshot, in which nothing since is visible and only what is visible in all of them. Some
-- earlier events may be published again, too. Leaders lose their epoch, and the topics are made known anew.
--
-- Returns how many events will be published; with only_count nothing is done. oldest_at: of all that is kept.
CREATE FUNCTION @schema@.outbox_rewind(since timestamptz, only_count boolean, OUT events bigint, OUT oldest_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = @schema@, pg_catalog, pg_temp
AS $body$
DECLARE
    first_xid xid8;
    begin_after pg_snapshot;
BEGIN
    -- Before the lock, since this reads all that is kept. An event that commits meanwhile is in no cursor yet.
    SELECT min(created_at), min(xid) FILTER (WHERE created_at >= since) INTO oldest_at, first_xid FROM outbox;
    IF NOT only_count THEN
        LOCK TABLE outbox_cursor IN EXCLUSIVE MODE;
    END IF;
    IF EXISTS (SELECT FROM outbox_cursor
               WHERE system_identifier <> (SELECT system_identifier FROM pg_control_system())
                  OR pg_snapshot_xmax(snapshot) > pg_snapshot_xmax(pg_current_snapshot())) THEN
        RAISE EXCEPTION 'the cursors come from another database cluster: run outbox-relay rebase first'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT (least(min(running.xid), bounds.xmax) || ':' || bounds.xmax || ':'
            || coalesce(string_agg(running.xid::text, ',' ORDER BY running.xid), ''))::pg_snapshot
    INTO begin_after
    FROM (SELECT least(min(pg_snapshot_xmax(snapshot)), first_xid) AS xmax FROM outbox_cursor) AS bounds
    LEFT JOIN (SELECT DISTINCT xip.xid
               FROM outbox_cursor CROSS JOIN LATERAL pg_snapshot_xip(snapshot) AS xip (xid)) AS running
        ON running.xid < bounds.xmax
    GROUP BY bounds.xmax;
    SELECT count(*) INTO events FROM outbox WHERE NOT pg_visible_in_snapshot(xid, begin_after);
    IF only_count THEN
        RETURN;
    END IF;
    UPDATE outbox_cursor
    SET snapshot = begin_after, window_snapshot = NULL, window_position = NULL,
        epoch = (SELECT max(epoch) FROM outbox_cursor) + 1, leader = NULL, updated_at = clock_timestamp();
    DELETE FROM outbox_kafka_topic;
END
$body$;

-- Publishes on to topics that were made anew, and nothing again. Leaders lose their epoch, so that they look at them.
CREATE FUNCTION @schema@.outbox_accept_kafka()
RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = @schema@, pg_catalog, pg_temp
AS $body$
    LOCK TABLE outbox_cursor IN EXCLUSIVE MODE;
    UPDATE outbox_cursor
    SET epoch = (SELECT max(epoch) FROM outbox_cursor) + 1, leader = NULL, updated_at = clock_timestamp();
    DELETE FROM outbox_kafka_topic;
$body$;

REVOKE ALL ON FUNCTION @schema@.outbox_rewind(timestamptz, boolean), @schema@.outbox_accept_kafka() FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON @schema@.outbox_kafka_topic TO @relay_role@;
GRANT EXECUTE ON FUNCTION @schema@.outbox_rewind(timestamptz, boolean), @schema@.outbox_accept_kafka() TO @relay_role@;

CREATE OR REPLACE FUNCTION @schema@.outbox_schema_version(OUT version integer, OUT oldest_supported integer)
LANGUAGE sql IMMUTABLE
AS $body$ SELECT 4, 1 $body$;
