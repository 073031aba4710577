-- The outbox: events, how far each shard of them has been published, and what could not be.
--
-- Append-only for its service: INSERT what happened in the transaction that makes it true. Columns without a default
-- are the event; the columns id, aggregatetype, aggregateid, type and payload are those of Debezium's event router.
CREATE TABLE @schema@.outbox (
    -- Handed out before commit: it orders the events of transactions that wait for each other, and tells of no event
    -- whether it has been published. Don't give its sequence a CACHE.
    position bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id uuid NOT NULL,
    topic text NOT NULL,
    aggregatetype text NOT NULL,
    aggregateid text NOT NULL,
    type text NOT NULL,
    source text NOT NULL,
    payload json NOT NULL,
    traceparent text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp() CHECK (isfinite(created_at)),
    PRIMARY KEY (position)
) PARTITION BY RANGE (position);

-- With the position, so that the rows of one transaction come in order without a sort.
CREATE INDEX outbox_xid_idx ON @schema@.outbox (xid, position);

-- Whatever happens to the relay, which makes partitions ahead, an insert finds a partition.
CREATE TABLE @schema@.outbox_default PARTITION OF @schema@.outbox DEFAULT;

-- One row a shard, written once a batch. snapshot: everything visible in it has been published; of what is visible in
-- window_snapshot, everything up to window_position. epoch fences former leaders off. Room for new versions of a row
-- in its page. No key: while a transaction that is held open keeps old versions alive, each new one's entry in an index
-- would be compared with those of all of them. Only the functions below insert rows.
CREATE TABLE @schema@.outbox_cursor (
    shard integer NOT NULL,
    shards integer NOT NULL,
    snapshot pg_snapshot NOT NULL,
    window_snapshot pg_snapshot,
    window_position bigint,
    epoch bigint NOT NULL DEFAULT 0,
    leader text,
    -- Whose transaction ids the snapshots speak of: they mean nothing in another cluster.
    system_identifier bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (shard >= 0 AND shard < shards)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- Nothing is visible in 1:1:, so the first batch begins with the first event.
INSERT INTO @schema@.outbox_cursor (shard, shards, snapshot, system_identifier)
SELECT shard, @shards@, '1:1:', (SELECT system_identifier FROM pg_control_system())
FROM generate_series(0, @shards@ - 1) AS shard;

-- Events that Kafka refuses, and the later ones of their keys, which wait behind them. Copies, so that retention can
-- drop the originals. PARKED and REPLAYING are open: they hold their key back.
CREATE TABLE @schema@.outbox_dead_letter (
    position bigint PRIMARY KEY,
    -- Not unique: an event may go to two topics.
    id uuid NOT NULL,
    topic text NOT NULL,
    aggregatetype text NOT NULL,
    aggregateid text NOT NULL,
    type text NOT NULL,
    source text NOT NULL,
    payload json NOT NULL,
    traceparent text,
    created_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('PARKED', 'REPLAYING', 'REPLAYED', 'DISCARDED')),
    kind text NOT NULL,
    reason text NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by text,
    change_reason text,
    -- For the index, which has no room for a long topic or key; their texts are compared beside it.
    key_hash bigint NOT NULL GENERATED ALWAYS AS
        (hashtextextended(aggregateid COLLATE "C", hashtextextended(topic COLLATE "C", 0))) STORED
);

CREATE INDEX outbox_dead_letter_id_idx ON @schema@.outbox_dead_letter (id);
CREATE INDEX outbox_dead_letter_open_idx ON @schema@.outbox_dead_letter (key_hash, position)
WHERE state IN ('PARKED', 'REPLAYING');
CREATE INDEX outbox_dead_letter_replaying_idx ON @schema@.outbox_dead_letter (position) WHERE state = 'REPLAYING';
CREATE INDEX outbox_dead_letter_discarded_idx ON @schema@.outbox_dead_letter (position) WHERE state = 'DISCARDED';

-- Makes partitions ahead of the sequence until that many wait, and returns the names of those that it made. When the
-- partition in use is older than max_age, the sequence is moved on to the next one, so that a service with few events
-- gets partitions that retention can drop. Waits no longer than 100 ms for a lock: call it again later.
--
-- To attach a partition, PostgreSQL reads all of the default one beside it, and lets nobody write there meanwhile. So
-- none is attached beside one that has ever been written to: the next zone is begun, and once that is committed, another
-- call moves the sequence on to it.
CREATE FUNCTION @schema@.outbox_add_partitions(partition_positions bigint, ahead integer, max_age interval)
RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = @schema@, pg_catalog, pg_temp
SET lock_timeout = '100ms'
AS $body$
DECLARE
    sequence_name text := pg_get_serial_sequence('@schema_literal@.outbox', 'position');
    last_position bigint;
    zone record;
    is_begun boolean := false;
    next_start bigint;
    partition_name text;
    begun_at timestamptz;
BEGIN
    -- One at a time; another relay does it as well.
    IF NOT pg_try_advisory_xact_lock(hashtextextended('@schema_literal@.outbox partitions', 0)) THEN
        RETURN;
    END IF;
    EXECUTE 'SELECT last_value FROM ' || sequence_name INTO last_position;
    SELECT bounds.* INTO zone FROM outbox_zone_bounds() AS bounds ORDER BY bounds.lower_position DESC LIMIT 1;
    SELECT coalesce(max(bounds.upper_position), zone.lower_position) INTO next_start
    FROM outbox_partition_bounds() AS bounds
    WHERE bounds.lower_position >= zone.lower_position;
    IF NOT outbox_is_overtaken(zone.name, next_start, last_position)
        AND next_start - greatest(last_position, zone.lower_position) < partition_positions THEN
        -- Writers are close. Nobody may hold a position of a partition that is attached: on its way to the default
        -- partition its row would be refused.
        LOCK TABLE outbox IN SHARE ROW EXCLUSIVE MODE;
        EXECUTE 'SELECT last_value FROM ' || sequence_name INTO last_position;
    END IF;
    IF outbox_is_overtaken(zone.name, next_start, last_position)
        OR next_start + partition_positions > zone.upper_position THEN
        SELECT bounds.* INTO zone FROM outbox_begin_zone(zone.upper_position, last_position) AS bounds;
        next_start := zone.lower_position;
        is_begun := true;
    END IF;
    WHILE next_start - greatest(last_position, zone.lower_position) <= ahead * partition_positions
        AND next_start + partition_positions <= zone.upper_position LOOP
        partition_name := 'outbox_p' || next_start;
        EXECUTE 'CREATE TABLE ' || quote_ident(partition_name)
            || ' (LIKE outbox INCLUDING DEFAULTS INCLUDING CONSTRAINTS)';
        -- Attached and not made as a partition: that would lock writers out.
        EXECUTE 'ALTER TABLE ' || quote_ident(zone.name) || ' ATTACH PARTITION ' || quote_ident(partition_name)
            || ' FOR VALUES FROM (' || next_start || ') TO (' || next_start + partition_positions || ')';
        RETURN NEXT partition_name;
        next_start := next_start + partition_positions;
    END LOOP;
    IF is_begun THEN
        RETURN;
    END IF;
    IF last_position < zone.lower_position THEN
        PERFORM outbox_move_on(zone.lower_position);
        RETURN;
    END IF;
    SELECT bounds.name, bounds.upper_position INTO partition_name, next_start
    FROM outbox_partition_bounds() AS bounds
    WHERE last_position >= bounds.lower_position AND last_position < bounds.upper_position;
    IF partition_name IS NULL THEN
        RETURN;
    END IF;
    EXECUTE 'SELECT created_at FROM ' || quote_ident(partition_name) || ' ORDER BY position LIMIT 1' INTO begun_at;
    IF begun_at < clock_timestamp() - max_age THEN
        PERFORM outbox_move_on(next_start);
    END IF;
END
$body$;

-- Whether no partition can be attached to a zone any more: its default partition has been written to, by whomever and
-- with whatever outcome, or positions of the partition that would be next have been handed out. True for no zone.
CREATE FUNCTION @schema@.outbox_is_overtaken(zone_name text, next_start bigint, last_position bigint)
RETURNS boolean
LANGUAGE sql
SET search_path = @schema@, pg_catalog, pg_temp
AS $body$
    SELECT last_position > next_start OR NOT EXISTS (
        SELECT FROM pg_partitioned_table
        WHERE partrelid = to_regclass(zone_name) AND pg_relation_size(partdefid) = 0)
$body$;

-- Makes a zone behind the last one, or the first one, in which nobody writes yet, and returns its name and bounds.
CREATE FUNCTION @schema@.outbox_begin_zone(last_end bigint, last_position bigint)
RETURNS TABLE (name text, lower_position bigint, upper_position bigint)
LANGUAGE plpgsql
SET search_path = @schema@, pg_catalog, pg_temp
AS $body$
DECLARE
    -- Ten thousand events a second take three years for it.
    positions constant bigint := 1000000000000;
BEGIN
    lower_position := coalesce(last_end, 1);
    IF lower_position < last_position THEN
        lower_position := last_position + positions;
    END IF;
    upper_position := lower_position + positions;
    name := 'outbox_zone' || lower_position;
    EXECUTE 'CREATE TABLE ' || quote_ident(name)
        || ' (LIKE outbox INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (position)';
    EXECUTE 'ALTER TABLE outbox ATTACH PARTITION ' || quote_ident(name)
        || ' FOR VALUES FROM (' || lower_position || ') TO (' || upper_position || ')';
    EXECUTE 'CREATE TABLE ' || quote_ident('outbox_default' || lower_position)
        || ' PARTITION OF ' || quote_ident(name) || ' DEFAULT';
    RETURN NEXT;
END
$body$;

-- Moves the sequence on to a position at which a partition begins, unless a transaction that has written an event is
-- open: a statement of it may know only the partitions of when it began.
CREATE FUNCTION @schema@.outbox_move_on(next_position bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = @schema@, pg_catalog, pg_temp
AS $body$
DECLARE
    sequence_name text := pg_get_serial_sequence('@schema_literal@.outbox', 'position');
    last_position bigint;
BEGIN
    -- Nobody may take a position between the look and the jump, or the jump could lead back.
    LOCK TABLE outbox IN SHARE ROW EXCLUSIVE MODE;
    EXECUTE 'SELECT last_value FROM ' || sequence_name INTO last_position;
    IF last_position < next_position THEN
        PERFORM setval(sequence_name, next_position, false);
    END IF;
EXCEPTION WHEN lock_not_available THEN
    -- What its caller has made stays.
    NULL;
END
$body$;

-- The parts of a partitioned table that have bounds.
CREATE FUNCTION @schema@.outbox_bounds(parent oid)
RETURNS TABLE (name text, lower_position bigint, upper_position bigint)
LANGUAGE sql STABLE
SET search_path = @schema@, pg_catalog, pg_temp
AS $body$
    SELECT partition.relname::text,
           substring(bounds.expression FROM 'FROM \(''(\d+)''\)')::bigint,
           substring(bounds.expression FROM 'TO \(''(\d+)''\)')::bigint
    FROM pg_inherits
    JOIN pg_class AS partition ON partition.oid = pg_inherits.inhrelid
    CROSS JOIN LATERAL (SELECT pg_get_expr(partition.relpartbound, partition.oid)) AS bounds (expression)
    WHERE pg_inherits.inhparent = parent AND bounds.expression <> 'DEFAULT'
$body$;

-- The partitions by position; default ones have no bounds and aren't among them.
CREATE FUNCTION @schema@.outbox_partition_bounds()
RETURNS TABLE (name text, lower_position bigint, upper_position bigint)
LANGUAGE sql STABLE
SET search_path = @schema@, pg_catalog, pg_temp
AS $body$
    SELECT bounds.* FROM pg_inherits AS zone
    CROSS JOIN LATERAL outbox_bounds(zone.inhrelid) AS bounds
    WHERE zone.inhparent = 'outbox'::regclass
    ORDER BY 2
$body$;

-- The zones by position.
CREATE FUNCTION @schema@.outbox_zone_bounds()
RETURNS TABLE (name text, lower_position bigint, upper_position bigint)
LANGUAGE sql STABLE
SET search_path = @schema@, pg_catalog, pg_temp
AS $body$
    SELECT * FROM outbox_bounds('outbox'::regclass) ORDER BY 2
$body$;

-- Drops the oldest partition, or a zone with what is left of it, and returns its name, or null if it has to stay: its
-- newest event is younger than retention, a cursor has not passed all of it, or a transaction that wrote to it is still
-- open. Waits no longer than 100 ms for a lock, and raises lock_not_available then: call it again later.
CREATE FUNCTION @schema@.outbox_drop_partition(retention interval)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = @schema@, pg_catalog, pg_temp
SET lock_timeout = '100ms'
AS $body$
DECLARE
    last_position bigint;
    oldest record;
    in_default boolean;
BEGIN
    EXECUTE 'SELECT last_value FROM ' || pg_get_serial_sequence('@schema_literal@.outbox', 'position')
        INTO last_position;
    in_default := EXISTS (SELECT FROM outbox_default);
    SELECT 'outbox_default' AS name INTO oldest WHERE in_default;
    IF NOT in_default OR NOT outbox_is_passed('outbox_default', retention) THEN
        SELECT bounds.name INTO oldest
        FROM (SELECT * FROM outbox_partition_bounds()
              UNION ALL
              -- After its partitions, what is left of it is the default one.
              SELECT zone.name, zone.upper_position, zone.upper_position FROM outbox_zone_bounds() AS zone) AS bounds
        WHERE bounds.upper_position <= last_position
        ORDER BY bounds.lower_position
        LIMIT 1;
    END IF;
    IF oldest.name IS NULL OR NOT outbox_is_passed(oldest.name, retention) THEN
        RETURN NULL;
    END IF;
    -- The parent first, as readers and writers do. Once both locks are held nobody has rows here that aren't visible.
    LOCK TABLE ONLY outbox IN ACCESS EXCLUSIVE MODE;
    EXECUTE 'LOCK TABLE ' || quote_ident(oldest.name) || ' IN ACCESS EXCLUSIVE MODE';
    IF NOT outbox_is_passed(oldest.name, retention) THEN
        RETURN NULL;
    END IF;
    IF oldest.name = 'outbox_default' THEN
        TRUNCATE outbox_default;
    ELSE
        EXECUTE 'DROP TABLE ' || quote_ident(oldest.name);
    END IF;
    RETURN oldest.name;
END
$body$;

-- Whether every cursor has passed all of a partition, and its newest event is older than retention.
CREATE FUNCTION @schema@.outbox_is_passed(partition_name text, retention interval)
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = @schema@, pg_catalog, pg_temp
AS $body$
DECLARE
    newest_at timestamptz;
    waits boolean;
BEGIN
    EXECUTE 'SELECT created_at FROM ' || quote_ident(partition_name) || ' ORDER BY position DESC LIMIT 1'
        INTO newest_at;
    IF newest_at > clock_timestamp() - retention THEN
        RETURN false;
    END IF;
    -- Not visible in a snapshot is what began after it or was running then; the index finds both.
    EXECUTE 'SELECT EXISTS (
                 SELECT FROM outbox_cursor AS cursor
                 WHERE EXISTS (SELECT FROM ' || quote_ident(partition_name) || '
                               WHERE xid >= pg_snapshot_xmax(cursor.snapshot))
                    OR EXISTS (SELECT FROM pg_snapshot_xip(cursor.snapshot) AS late (xid)
                               JOIN ' || quote_ident(partition_name) || ' AS rows ON rows.xid = late.xid))
              OR EXISTS (SELECT FROM outbox_cursor
                         WHERE system_identifier <> (SELECT system_identifier FROM pg_control_system())
                            OR pg_snapshot_xmax(snapshot) > pg_snapshot_xmax(pg_current_snapshot()))'
        INTO waits;
    RETURN NOT waits;
END
$body$;

-- After a restore into another cluster, whose transaction ids have nothing to do with those stored: makes what was
-- published visible to everybody and what wasn't a part of this transaction, and lets every cursor begin before it.
-- What was published after the backup was made is published again. Rewrites the rows that are kept; writers wait.
-- Returns how many events will be published.
--
-- Services may have written in the new cluster already. An xid of its own says nothing about the stored snapshots, so
-- such rows are told by age: a restore makes the primary key after the data. Where the key came first, as with a
-- restore of data alone, all that is kept is published again.
CREATE FUNCTION @schema@.outbox_rebase()
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = @schema@, pg_catalog, pg_temp
AS $body$
DECLARE
    own xid8;
    is_foreign boolean;
    key_made xid;
    now_visible pg_snapshot;
    begin_after pg_snapshot;
    behind bigint;
BEGIN
    LOCK TABLE outbox IN SHARE ROW EXCLUSIVE MODE;
    LOCK TABLE outbox_cursor IN EXCLUSIVE MODE;
    own := pg_current_xact_id();
    SELECT bool_or(system_identifier <> (SELECT system_identifier FROM pg_control_system())
                   OR pg_snapshot_xmax(snapshot) > pg_snapshot_xmax(pg_current_snapshot()))
    INTO is_foreign FROM outbox_cursor;
    SELECT xmin INTO key_made FROM pg_constraint WHERE conrelid = 'outbox'::regclass AND contype = 'p';
    WITH shard AS (
        SELECT shard, shards, snapshot FROM outbox_cursor
    )
    UPDATE outbox
    SET xid = CASE WHEN is_foreign AND age(outbox.xmin) < age(key_made) THEN own
                   WHEN pg_visible_in_snapshot(outbox.xid, shard.snapshot) THEN '3'::xid8
                   ELSE own END
    FROM shard
    WHERE mod(hashtextextended(outbox.aggregateid COLLATE "C", 0) & 2147483647, shard.shards) = shard.shard;
    SELECT count(*) INTO behind FROM outbox WHERE xid = own;
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
    UPDATE outbox_cursor
    SET snapshot = begin_after, window_snapshot = NULL, window_position = NULL,
        system_identifier = (SELECT system_identifier FROM pg_control_system()),
        epoch = (SELECT max(epoch) FROM outbox_cursor) + 1, leader = NULL, updated_at = clock_timestamp();
    RETURN behind;
END
$body$;

-- Gives the outbox another number of shards. All begin where the one furthest behind stands: some events are published
-- again, in the same order. Leaders lose their epoch and go on with the new shards.
CREATE FUNCTION @schema@.outbox_reshard(new_shards integer)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = @schema@, pg_catalog, pg_temp
AS $body$
DECLARE
    begin_after pg_snapshot;
    new_epoch bigint;
    identifier bigint;
BEGIN
    IF new_shards < 1 OR new_shards > 256 THEN
        RAISE EXCEPTION 'the number of shards must be from 1 to 256' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    LOCK TABLE outbox_cursor IN EXCLUSIVE MODE;
    SELECT max(epoch) + 1, min(system_identifier) INTO new_epoch, identifier FROM outbox_cursor;
    -- Visible in this one is what is visible in all of them.
    SELECT (least(min(running.xid), bounds.xmax) || ':' || bounds.xmax || ':'
            || coalesce(string_agg(running.xid::text, ',' ORDER BY running.xid), ''))::pg_snapshot
    INTO begin_after
    FROM (SELECT min(pg_snapshot_xmax(snapshot)) AS xmax FROM outbox_cursor) AS bounds
    LEFT JOIN (SELECT DISTINCT xip.xid
               FROM outbox_cursor CROSS JOIN LATERAL pg_snapshot_xip(snapshot) AS xip (xid)) AS running
        ON running.xid < bounds.xmax
    GROUP BY bounds.xmax;
    DELETE FROM outbox_cursor;
    INSERT INTO outbox_cursor (shard, shards, snapshot, epoch, system_identifier)
    SELECT shard, new_shards, begin_after, new_epoch, identifier FROM generate_series(0, new_shards - 1) AS shard;
END
$body$;

REVOKE ALL ON FUNCTION @schema@.outbox_add_partitions(bigint, integer, interval), @schema@.outbox_begin_zone(bigint, bigint),
    @schema@.outbox_move_on(bigint), @schema@.outbox_drop_partition(interval), @schema@.outbox_is_passed(text, interval),
    @schema@.outbox_rebase(), @schema@.outbox_reshard(integer) FROM PUBLIC;
SELECT count(*) FROM @schema@.outbox_add_partitions(1000000, 2, '1 day');

GRANT USAGE ON SCHEMA @schema@ TO @relay_role@;
GRANT SELECT ON @schema@.outbox TO @relay_role@;
GRANT SELECT, UPDATE ON @schema@.outbox_cursor TO @relay_role@;
GRANT SELECT, INSERT, UPDATE ON @schema@.outbox_dead_letter TO @relay_role@;
GRANT EXECUTE ON FUNCTION @schema@.outbox_add_partitions(bigint, integer, interval),
    @schema@.outbox_drop_partition(interval), @schema@.outbox_partition_bounds(), @schema@.outbox_zone_bounds(),
    @schema@.outbox_bounds(oid), @schema@.outbox_rebase(), @schema@.outbox_reshard(integer) TO @relay_role@;
