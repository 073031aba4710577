-- Expands: former relays and writers go on. After a restore into another cluster, whose transaction ids have nothing to do
-- with those stored, the outbox is rebased in short transactions: services write meanwhile, and it may be broken off and
-- gone on with at any point.
--
-- What was published gets an xid that everybody sees, what wasn't that of the transaction that began, and at last all
-- cursors begin before it. Until then they name no cluster, so that relays refuse them.

-- The rebase that isn't finished, if there is one.
CREATE TABLE @schema@.outbox_rebasing (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    -- Where it was begun; in another cluster it begins anew.
    system_identifier bigint NOT NULL,
    -- The former cursors', by shard: what is visible in them was published. After a rebase that was broken off in another
    -- cluster nothing is: what it hadn't found to be published is published again, since nothing tells any more which of
    -- it was written there.
    snapshots pg_snapshot[] NOT NULL,
    -- Services may have written in the new cluster before. An xid of its own says nothing about the stored snapshots, so
    -- such rows are told by age: a restore makes the primary key after the data. Where the key came first, as with a
    -- restore of data alone, all that is kept is published again. (This is the xid of the transaction that made the key.)
    key_made xid NOT NULL,
    -- That of all rows that will be published; not visible in begin_after.
    xid xid8 NOT NULL,
    begin_after pg_snapshot NOT NULL,
    -- Rows from the highest one of the beginning down to above this one are rewritten.
    position bigint NOT NULL,
    events bigint NOT NULL DEFAULT 0
);

-- Begins a rebase. Does nothing if one is under way, or if the cursors are of this cluster. The lock tells the rows that
-- there are from those that will be: the latter have higher positions, and xids that aren't visible in begin_after. Waits no
-- longer than 100 ms for it, since writers queue behind it, and raises lock_not_available then: call it again later.
CREATE FUNCTION @schema@.outbox_begin_rebase()
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = @schema@, pg_catalog, pg_temp
SET lock_timeout = '100ms'
AS $body$
DECLARE
    identifier bigint := (SELECT system_identifier FROM pg_control_system());
    own xid8;
    now_visible pg_snapshot;
    begin_after pg_snapshot;
    newest_position bigint;
    sequence_name text := pg_get_serial_sequence('@schema_literal@.outbox', 'position');
BEGIN
    LOCK TABLE outbox IN SHARE ROW EXCLUSIVE MODE;
    LOCK TABLE outbox_cursor IN EXCLUSIVE MODE;
    IF NOT EXISTS (SELECT FROM outbox_cursor
                   WHERE system_identifier <> identifier
                      OR pg_snapshot_xmax(snapshot) > pg_snapshot_xmax(pg_current_snapshot()))
        OR EXISTS (SELECT FROM outbox_rebasing AS rebasing
                   WHERE rebasing.system_identifier = identifier
                     AND pg_snapshot_xmax(rebasing.begin_after) <= pg_snapshot_xmax(pg_current_snapshot())) THEN
        RETURN;
    END IF;
    own := pg_current_xact_id();
    -- A snapshot lists its own transaction neither as running nor as ended, so it is put in here.
    now_visible := pg_current_snapshot();
    SELECT (CASE WHEN own < pg_snapshot_xmax(now_visible) THEN least(own, pg_snapshot_xmin(now_visible))
                 ELSE pg_snapshot_xmin(now_visible) END
            || ':' || pg_snapshot_xmax(now_visible) || ':'
            || coalesce(string_agg(running.xid::text, ',' ORDER BY running.xid), ''))::pg_snapshot
    INTO begin_after
    FROM (SELECT xid FROM pg_snapshot_xip(now_visible) AS xip (xid)
          UNION
          SELECT own WHERE own < pg_snapshot_xmax(now_visible)) AS running (xid);
    -- Rows may have come without their sequence, as with logical replication.
    EXECUTE 'SELECT greatest(last_value, (SELECT max(position) FROM outbox)) FROM ' || sequence_name
        INTO newest_position;
    EXECUTE 'SELECT setval($1, $2) FROM ' || sequence_name || ' WHERE last_value < $2'
        USING sequence_name, newest_position;
    DELETE FROM outbox_rebasing;
    INSERT INTO outbox_rebasing (system_identifier, snapshots, key_made, xid, begin_after, position)
    SELECT identifier,
           array_agg(CASE system_identifier WHEN 0 THEN '1:1:'::pg_snapshot ELSE snapshot END ORDER BY shard),
           (SELECT xmin FROM pg_constraint WHERE conrelid = 'outbox'::regclass AND contype = 'p'),
           own, begin_after, newest_position
    FROM outbox_cursor;
    UPDATE outbox_cursor
    SET system_identifier = 0, epoch = (SELECT max(epoch) FROM outbox_cursor) + 1, leader = NULL,
        updated_at = clock_timestamp();
END
$body$;

-- Rewrites the next rows, the latest ones first, or sets the cursors when none is left. Returns how many events will be
-- published once it has finished, or nothing was to be done, and else null.
CREATE FUNCTION @schema@.outbox_rebase_batch(most_rows integer)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = @schema@, pg_catalog, pg_temp
AS $body$
DECLARE
    rebasing outbox_rebasing;
    lowest_position bigint;
    behind bigint;
BEGIN
    SELECT * INTO rebasing FROM outbox_rebasing FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    SELECT min(position) INTO lowest_position
    FROM (SELECT position FROM outbox WHERE position <= rebasing.position ORDER BY position DESC LIMIT most_rows) AS batch;
    IF lowest_position IS NOT NULL THEN
        WITH rewritten AS (
            UPDATE outbox
            SET xid = CASE WHEN age(outbox.xmin) < age(rebasing.key_made) THEN rebasing.xid
                           WHEN pg_visible_in_snapshot(outbox.xid, rebasing.snapshots[
                                1 + mod(hashtextextended(outbox.aggregateid COLLATE "C", 0) & 2147483647,
                                        cardinality(rebasing.snapshots))]) THEN '3'::xid8
                           ELSE rebasing.xid END
            WHERE position BETWEEN lowest_position AND rebasing.position AND xid <> '3'::xid8
            RETURNING xid
        )
        SELECT count(*) INTO behind FROM rewritten WHERE xid = rebasing.xid;
        UPDATE outbox_rebasing SET position = lowest_position - 1, events = events + behind;
        RETURN NULL;
    END IF;
    LOCK TABLE outbox_cursor IN EXCLUSIVE MODE;
    UPDATE outbox_cursor
    SET snapshot = rebasing.begin_after, window_snapshot = NULL, window_position = NULL,
        system_identifier = rebasing.system_identifier, updated_at = clock_timestamp();
    DELETE FROM outbox_rebasing;
    RETURN rebasing.events;
END
$body$;

-- For former relays: the whole of it in one transaction. Writers wait.
CREATE OR REPLACE FUNCTION @schema@.outbox_rebase()
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = @schema@, pg_catalog, pg_temp
AS $body$
DECLARE
    behind bigint;
BEGIN
    LOCK TABLE outbox IN SHARE ROW EXCLUSIVE MODE;
    LOCK TABLE outbox_cursor IN EXCLUSIVE MODE;
    PERFORM outbox_begin_rebase();
    WHILE behind IS NULL LOOP
        behind := outbox_rebase_batch(10000);
    END LOOP;
    RETURN behind;
END
$body$;

REVOKE ALL ON FUNCTION @schema@.outbox_begin_rebase(), @schema@.outbox_rebase_batch(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @schema@.outbox_begin_rebase(), @schema@.outbox_rebase_batch(integer) TO @relay_role@;

CREATE OR REPLACE FUNCTION @schema@.outbox_schema_version(OUT version integer, OUT oldest_supported integer)
LANGUAGE sql IMMUTABLE
AS $body$ SELECT 5, 1 $body$;
