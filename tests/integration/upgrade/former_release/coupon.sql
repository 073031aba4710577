--
-- PostgreSQL database dump
--



SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: outbox_add_partitions(bigint, integer, interval); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.outbox_add_partitions(partition_positions bigint, ahead integer, max_age interval) RETURNS SETOF text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '100ms'
    AS $$
DECLARE
    sequence_name text := pg_get_serial_sequence('public.outbox', 'position');
    last_position bigint;
    zone record;
    is_begun boolean := false;
    next_start bigint;
    partition_name text;
    begun_at timestamptz;
BEGIN
    -- One at a time; another relay does it as well.
    IF NOT pg_try_advisory_xact_lock(hashtextextended('public.outbox partitions', 0)) THEN
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
$$;


--
-- Name: outbox_begin_zone(bigint, bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.outbox_begin_zone(last_end bigint, last_position bigint) RETURNS TABLE(name text, lower_position bigint, upper_position bigint)
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_catalog', 'pg_temp'
    AS $$
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
$$;


--
-- Name: outbox_bounds(oid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.outbox_bounds(parent oid) RETURNS TABLE(name text, lower_position bigint, upper_position bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'public', 'pg_catalog', 'pg_temp'
    AS $$
    SELECT partition.relname::text,
           substring(bounds.expression FROM 'FROM \(''(\d+)''\)')::bigint,
           substring(bounds.expression FROM 'TO \(''(\d+)''\)')::bigint
    FROM pg_inherits
    JOIN pg_class AS partition ON partition.oid = pg_inherits.inhrelid
    CROSS JOIN LATERAL (SELECT pg_get_expr(partition.relpartbound, partition.oid)) AS bounds (expression)
    WHERE pg_inherits.inhparent = parent AND bounds.expression <> 'DEFAULT'
$$;


--
-- Name: outbox_drop_partition(interval); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.outbox_drop_partition(retention interval) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '100ms'
    AS $$
DECLARE
    last_position bigint;
    oldest record;
    in_default boolean;
BEGIN
    EXECUTE 'SELECT last_value FROM ' || pg_get_serial_sequence('public.outbox', 'position')
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
$$;


--
-- Name: outbox_is_overtaken(text, bigint, bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.outbox_is_overtaken(zone_name text, next_start bigint, last_position bigint) RETURNS boolean
    LANGUAGE sql
    SET search_path TO 'public', 'pg_catalog', 'pg_temp'
    AS $$
    SELECT last_position > next_start OR NOT EXISTS (
        SELECT FROM pg_partitioned_table
        WHERE partrelid = to_regclass(zone_name) AND pg_relation_size(partdefid) = 0)
$$;


--
-- Name: outbox_is_passed(text, interval); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.outbox_is_passed(partition_name text, retention interval) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'public', 'pg_catalog', 'pg_temp'
    AS $$
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
$$;


--
-- Name: outbox_move_on(bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.outbox_move_on(next_position bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    sequence_name text := pg_get_serial_sequence('public.outbox', 'position');
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
$$;


--
-- Name: outbox_partition_bounds(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.outbox_partition_bounds() RETURNS TABLE(name text, lower_position bigint, upper_position bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'public', 'pg_catalog', 'pg_temp'
    AS $$
    SELECT bounds.* FROM pg_inherits AS zone
    CROSS JOIN LATERAL outbox_bounds(zone.inhrelid) AS bounds
    WHERE zone.inhparent = 'outbox'::regclass
    ORDER BY 2
$$;


--
-- Name: outbox_rebase(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.outbox_rebase() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_catalog', 'pg_temp'
    AS $$
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
$$;


--
-- Name: outbox_reshard(integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.outbox_reshard(new_shards integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_catalog', 'pg_temp'
    AS $$
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
$$;


--
-- Name: outbox_zone_bounds(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.outbox_zone_bounds() RETURNS TABLE(name text, lower_position bigint, upper_position bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'public', 'pg_catalog', 'pg_temp'
    AS $$
    SELECT * FROM outbox_bounds('outbox'::regclass) ORDER BY 2
$$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: TABLE alembic_version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.alembic_version IS 'coupon-service';


--
-- Name: coupon; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.coupon (
    coupon_id bigint NOT NULL,
    name text NOT NULL,
    total_quantity integer NOT NULL,
    issued_quantity integer DEFAULT 0 NOT NULL,
    decided_count bigint DEFAULT 0 NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    discount_type text NOT NULL,
    discount_value bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT coupon_decided_covers_issued CHECK ((decided_count >= issued_quantity)),
    CONSTRAINT coupon_discount_type_check CHECK ((discount_type = ANY (ARRAY['AMOUNT'::text, 'RATE'::text]))),
    CONSTRAINT coupon_discount_value_check CHECK ((discount_value > 0)),
    CONSTRAINT coupon_ends_after_start CHECK ((ends_at > starts_at)),
    CONSTRAINT coupon_never_oversold CHECK (((issued_quantity >= 0) AND (issued_quantity <= total_quantity))),
    CONSTRAINT coupon_total_quantity_check CHECK (((total_quantity >= 1) AND (total_quantity <= 10000000)))
);


--
-- Name: coupon_coupon_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.coupon ALTER COLUMN coupon_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.coupon_coupon_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: coupon_request; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.coupon_request (
    request_id uuid NOT NULL,
    coupon_id bigint NOT NULL,
    user_id bigint NOT NULL,
    status text NOT NULL,
    reason text,
    decision_number bigint,
    issue_number integer,
    requested_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone,
    CONSTRAINT coupon_request_decided_when CHECK (((status = 'ACCEPTED'::text) = (decided_at IS NULL))),
    CONSTRAINT coupon_request_issued_number CHECK (((status = 'ISSUED'::text) = (issue_number IS NOT NULL))),
    CONSTRAINT coupon_request_rejected_why CHECK (((status = 'REJECTED'::text) = (reason IS NOT NULL))),
    CONSTRAINT coupon_request_status_check CHECK ((status = ANY (ARRAY['ACCEPTED'::text, 'ISSUED'::text, 'REJECTED'::text])))
);


--
-- Name: idempotency_key; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.idempotency_key (
    key text NOT NULL,
    fingerprint text NOT NULL,
    reply jsonb,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);


--
-- Name: inbox; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.inbox (
    consumer_group text NOT NULL,
    event_id uuid NOT NULL,
    received_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);


--
-- Name: outbox; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.outbox (
    "position" bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id uuid NOT NULL,
    topic text NOT NULL,
    aggregatetype text NOT NULL,
    aggregateid text NOT NULL,
    type text NOT NULL,
    source text NOT NULL,
    payload json NOT NULL,
    traceparent text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT outbox_created_at_check CHECK (isfinite(created_at))
)
PARTITION BY RANGE ("position");


--
-- Name: outbox_cursor; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.outbox_cursor (
    shard integer NOT NULL,
    shards integer NOT NULL,
    snapshot pg_snapshot NOT NULL,
    window_snapshot pg_snapshot,
    window_position bigint,
    epoch bigint DEFAULT 0 NOT NULL,
    leader text,
    system_identifier bigint NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT outbox_cursor_check CHECK (((shard >= 0) AND (shard < shards)))
)
WITH (fillfactor='20', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='500');


--
-- Name: outbox_dead_letter; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.outbox_dead_letter (
    "position" bigint NOT NULL,
    id uuid NOT NULL,
    topic text NOT NULL,
    aggregatetype text NOT NULL,
    aggregateid text NOT NULL,
    type text NOT NULL,
    source text NOT NULL,
    payload json NOT NULL,
    traceparent text,
    created_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    attempts integer DEFAULT 1 NOT NULL,
    parked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    changed_by text,
    change_reason text,
    key_hash bigint GENERATED ALWAYS AS (hashtextextended((aggregateid COLLATE "C"), hashtextextended((topic COLLATE "C"), (0)::bigint))) STORED NOT NULL,
    CONSTRAINT outbox_dead_letter_state_check CHECK ((state = ANY (ARRAY['PARKED'::text, 'REPLAYING'::text, 'REPLAYED'::text, 'DISCARDED'::text])))
);


--
-- Name: outbox_default; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.outbox_default (
    "position" bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id uuid NOT NULL,
    topic text NOT NULL,
    aggregatetype text NOT NULL,
    aggregateid text NOT NULL,
    type text NOT NULL,
    source text NOT NULL,
    payload json NOT NULL,
    traceparent text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT outbox_created_at_check CHECK (isfinite(created_at))
);


--
-- Name: outbox_zone1; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.outbox_zone1 (
    "position" bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id uuid NOT NULL,
    topic text NOT NULL,
    aggregatetype text NOT NULL,
    aggregateid text NOT NULL,
    type text NOT NULL,
    source text NOT NULL,
    payload json NOT NULL,
    traceparent text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT outbox_created_at_check CHECK (isfinite(created_at))
)
PARTITION BY RANGE ("position");


--
-- Name: outbox_default1; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.outbox_default1 (
    "position" bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id uuid NOT NULL,
    topic text NOT NULL,
    aggregatetype text NOT NULL,
    aggregateid text NOT NULL,
    type text NOT NULL,
    source text NOT NULL,
    payload json NOT NULL,
    traceparent text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT outbox_created_at_check CHECK (isfinite(created_at))
);


--
-- Name: outbox_p1; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.outbox_p1 (
    "position" bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id uuid NOT NULL,
    topic text NOT NULL,
    aggregatetype text NOT NULL,
    aggregateid text NOT NULL,
    type text NOT NULL,
    source text NOT NULL,
    payload json NOT NULL,
    traceparent text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT outbox_created_at_check CHECK (isfinite(created_at))
);


--
-- Name: outbox_p1000001; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.outbox_p1000001 (
    "position" bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id uuid NOT NULL,
    topic text NOT NULL,
    aggregatetype text NOT NULL,
    aggregateid text NOT NULL,
    type text NOT NULL,
    source text NOT NULL,
    payload json NOT NULL,
    traceparent text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT outbox_created_at_check CHECK (isfinite(created_at))
);


--
-- Name: outbox_p2000001; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.outbox_p2000001 (
    "position" bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id uuid NOT NULL,
    topic text NOT NULL,
    aggregatetype text NOT NULL,
    aggregateid text NOT NULL,
    type text NOT NULL,
    source text NOT NULL,
    payload json NOT NULL,
    traceparent text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT outbox_created_at_check CHECK (isfinite(created_at))
);


--
-- Name: outbox_position_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.outbox ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.outbox_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: user_coupon; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.user_coupon (
    user_coupon_id bigint NOT NULL,
    coupon_id bigint NOT NULL,
    user_id bigint NOT NULL,
    request_id uuid NOT NULL,
    issue_number integer NOT NULL,
    issued_at timestamp with time zone NOT NULL
);


--
-- Name: user_coupon_user_coupon_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.user_coupon ALTER COLUMN user_coupon_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.user_coupon_user_coupon_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: outbox_default; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox ATTACH PARTITION public.outbox_default DEFAULT;


--
-- Name: outbox_default1; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox_zone1 ATTACH PARTITION public.outbox_default1 DEFAULT;


--
-- Name: outbox_p1; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox_zone1 ATTACH PARTITION public.outbox_p1 FOR VALUES FROM ('1') TO ('1000001');


--
-- Name: outbox_p1000001; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox_zone1 ATTACH PARTITION public.outbox_p1000001 FOR VALUES FROM ('1000001') TO ('2000001');


--
-- Name: outbox_p2000001; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox_zone1 ATTACH PARTITION public.outbox_p2000001 FOR VALUES FROM ('2000001') TO ('3000001');


--
-- Name: outbox_zone1; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox ATTACH PARTITION public.outbox_zone1 FOR VALUES FROM ('1') TO ('1000000000001');


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.alembic_version (version_num) FROM stdin;
0001
\.


--
-- Data for Name: coupon; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.coupon (coupon_id, name, total_quantity, issued_quantity, decided_count, starts_at, ends_at, discount_type, discount_value, created_at) FROM stdin;
\.


--
-- Data for Name: coupon_request; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.coupon_request (request_id, coupon_id, user_id, status, reason, decision_number, issue_number, requested_at, decided_at) FROM stdin;
\.


--
-- Data for Name: idempotency_key; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.idempotency_key (key, fingerprint, reply, created_at) FROM stdin;
request-before	fingerprint-before	{"slot": 0}	2026-11-28 18:02:10.983545+00
\.


--
-- Data for Name: inbox; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.inbox (consumer_group, event_id, received_at) FROM stdin;
\.


--
-- Data for Name: outbox_cursor; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.outbox_cursor (shard, shards, snapshot, window_snapshot, window_position, epoch, leader, system_identifier, updated_at) FROM stdin;
0	4	770:770:	\N	\N	1	relay	7713284109340648158	2026-11-28 18:02:05.512491+00
1	4	770:770:	\N	\N	1	relay	7713284109340648158	2026-11-28 18:02:05.512593+00
2	4	770:770:	\N	\N	1	relay	7713284109340648158	2026-11-28 18:02:05.512596+00
3	4	770:770:	\N	\N	1	relay	7713284109340648158	2026-11-28 18:02:05.512598+00
\.


--
-- Data for Name: outbox_dead_letter; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.outbox_dead_letter ("position", id, topic, aggregatetype, aggregateid, type, source, payload, traceparent, created_at, state, kind, reason, attempts, parked_at, changed_at, changed_by, change_reason) FROM stdin;
21	14360111-7530-4f16-b439-647b465dfa5b	topic-of-the-dump	test	held	Tested	/former	{"number": 0, "filling": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}	\N	2026-11-28 18:02:05.207045+00	PARKED	too_large	as a record more than 1024 bytes	1	2026-11-28 18:02:05.231314+00	2026-11-28 18:02:05.231314+00	\N	\N
23	bc039d1b-0b03-4512-a288-d15612050743	topic-of-the-dump	test	held	Tested	/former	{"number": 1, "filling": ""}	\N	2026-11-28 18:02:05.463033+00	PARKED	behind	its key is held back	0	2026-11-28 18:02:05.476478+00	2026-11-28 18:02:05.476478+00	\N	\N
24	b7602aa7-4ea9-4203-aa87-5cf53c7f1ae5	topic-of-the-dump	test	held	Tested	/former	{"number": 2, "filling": ""}	\N	2026-11-28 18:02:05.483502+00	PARKED	behind	its key is held back	0	2026-11-28 18:02:05.508953+00	2026-11-28 18:02:05.508953+00	\N	\N
22	5405de2d-84bd-4fee-9ca9-0b3f1e452ef9	topic-of-the-dump	test	discarded	Tested	/former	{"number": 0, "filling": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}	\N	2026-11-28 18:02:05.224149+00	DISCARDED	too_large	as a record more than 1024 bytes	1	2026-11-28 18:02:05.416134+00	2026-11-28 18:02:07.848853+00	tests	to have one
\.


--
-- Data for Name: outbox_default; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.outbox_default ("position", xid, id, topic, aggregatetype, aggregateid, type, source, payload, traceparent, created_at) FROM stdin;
\.


--
-- Data for Name: outbox_default1; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.outbox_default1 ("position", xid, id, topic, aggregatetype, aggregateid, type, source, payload, traceparent, created_at) FROM stdin;
\.


--
-- Data for Name: outbox_p1; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.outbox_p1 ("position", xid, id, topic, aggregatetype, aggregateid, type, source, payload, traceparent, created_at) FROM stdin;
1	732	6db4f390-505f-40ca-ae8a-dde2311b95e5	topic-of-the-dump	test	key-0	Tested	/former	{"number": 0, "filling": ""}	\N	2026-11-28 18:02:04.634119+00
2	733	a3bd8e2d-ec1d-4c2a-a44f-1beb2d4af81b	topic-of-the-dump	test	key-1	Tested	/former	{"number": 0, "filling": ""}	\N	2026-11-28 18:02:04.661032+00
3	734	3374833f-e323-495f-984a-6efdefd94bc3	topic-of-the-dump	test	key-2	Tested	/former	{"number": 0, "filling": ""}	\N	2026-11-28 18:02:04.693124+00
4	735	04c66c97-1c1b-40e1-a506-9ba9cfc8396b	topic-of-the-dump	test	key-3	Tested	/former	{"number": 0, "filling": ""}	\N	2026-11-28 18:02:04.714632+00
5	736	2e1e6f5b-090d-4208-aa37-ea36f01c3bd6	topic-of-the-dump	test	key-0	Tested	/former	{"number": 1, "filling": ""}	\N	2026-11-28 18:02:04.743897+00
6	737	a3fdc7fb-9c5e-4337-a855-b02bfcbc5132	topic-of-the-dump	test	key-1	Tested	/former	{"number": 1, "filling": ""}	\N	2026-11-28 18:02:04.792648+00
7	738	fbdc27b9-fa42-4562-84e3-26dfbfefa470	topic-of-the-dump	test	key-2	Tested	/former	{"number": 1, "filling": ""}	\N	2026-11-28 18:02:04.843545+00
8	739	767758da-0bac-435a-9f23-9133a1bf1c4e	topic-of-the-dump	test	key-3	Tested	/former	{"number": 1, "filling": ""}	\N	2026-11-28 18:02:04.902616+00
9	740	1e2dd7b2-95ae-48f1-91a1-74d07181eb96	topic-of-the-dump	test	key-0	Tested	/former	{"number": 2, "filling": ""}	\N	2026-11-28 18:02:04.94928+00
10	741	dd853d3f-94a3-41d1-a991-ab28f853253e	topic-of-the-dump	test	key-1	Tested	/former	{"number": 2, "filling": ""}	\N	2026-11-28 18:02:04.999472+00
11	742	d7a7cdb5-1df1-4414-bfa5-956ec5e16d7f	topic-of-the-dump	test	key-2	Tested	/former	{"number": 2, "filling": ""}	\N	2026-11-28 18:02:05.022983+00
12	743	ac7a060b-cb59-4bd6-96f0-9b509ce921d5	topic-of-the-dump	test	key-3	Tested	/former	{"number": 2, "filling": ""}	\N	2026-11-28 18:02:05.040701+00
13	745	000b5486-9bd6-4074-b563-2b58ce9e7cb8	topic-of-the-dump	test	key-0	Tested	/former	{"number": 3, "filling": ""}	\N	2026-11-28 18:02:05.077038+00
14	746	89f5df2d-d850-4797-9158-095e468b41d2	topic-of-the-dump	test	key-1	Tested	/former	{"number": 3, "filling": ""}	\N	2026-11-28 18:02:05.101074+00
15	748	453dd082-6a81-4e35-bdd3-43408ab06e9b	topic-of-the-dump	test	key-2	Tested	/former	{"number": 3, "filling": ""}	\N	2026-11-28 18:02:05.119311+00
16	750	df71c77b-4418-4553-9d12-519efcb67711	topic-of-the-dump	test	key-3	Tested	/former	{"number": 3, "filling": ""}	\N	2026-11-28 18:02:05.141449+00
17	752	666fe4e4-ce5f-4119-b3d4-fbd52c8dc140	topic-of-the-dump	test	key-0	Tested	/former	{"number": 4, "filling": ""}	\N	2026-11-28 18:02:05.155514+00
18	754	37c5d82f-9fc5-418b-9c5c-07c43caa61b6	topic-of-the-dump	test	key-1	Tested	/former	{"number": 4, "filling": ""}	\N	2026-11-28 18:02:05.166206+00
19	756	e733ecd9-42ab-4208-9f65-bfdffccee00e	topic-of-the-dump	test	key-2	Tested	/former	{"number": 4, "filling": ""}	\N	2026-11-28 18:02:05.183344+00
20	757	05c9f409-1bfd-45f1-9756-eae3a64a60aa	topic-of-the-dump	test	key-3	Tested	/former	{"number": 4, "filling": ""}	\N	2026-11-28 18:02:05.195529+00
21	759	14360111-7530-4f16-b439-647b465dfa5b	topic-of-the-dump	test	held	Tested	/former	{"number": 0, "filling": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}	\N	2026-11-28 18:02:05.207045+00
22	761	5405de2d-84bd-4fee-9ca9-0b3f1e452ef9	topic-of-the-dump	test	discarded	Tested	/former	{"number": 0, "filling": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}	\N	2026-11-28 18:02:05.224149+00
23	766	bc039d1b-0b03-4512-a288-d15612050743	topic-of-the-dump	test	held	Tested	/former	{"number": 1, "filling": ""}	\N	2026-11-28 18:02:05.463033+00
24	769	b7602aa7-4ea9-4203-aa87-5cf53c7f1ae5	topic-of-the-dump	test	held	Tested	/former	{"number": 2, "filling": ""}	\N	2026-11-28 18:02:05.483502+00
25	773	0091a670-b66d-4666-ae02-4e02d9e6bbad	topic-of-the-dump	test	key-0	Tested	/former	{"number": 5, "filling": ""}	\N	2026-11-28 18:02:10.547458+00
26	774	62f4ed86-5d9b-4556-abeb-09a0593a09ec	topic-of-the-dump	test	key-1	Tested	/former	{"number": 5, "filling": ""}	\N	2026-11-28 18:02:10.5648+00
27	775	a5e0cc05-c828-4e84-ae34-7aa8c90b765c	topic-of-the-dump	test	key-2	Tested	/former	{"number": 5, "filling": ""}	\N	2026-11-28 18:02:10.590278+00
28	776	1502becd-7b11-47cf-a492-15f70aabfd12	topic-of-the-dump	test	key-3	Tested	/former	{"number": 5, "filling": ""}	\N	2026-11-28 18:02:10.637901+00
29	777	112950ed-d072-4372-96d7-9bc7993e26b6	topic-of-the-dump	test	key-0	Tested	/former	{"number": 6, "filling": ""}	\N	2026-11-28 18:02:10.782342+00
30	778	232630a9-22fb-49bd-9012-dfe4b3374661	topic-of-the-dump	test	key-1	Tested	/former	{"number": 6, "filling": ""}	\N	2026-11-28 18:02:10.798196+00
31	779	621a149a-2827-4688-8b67-d71a73a9a46b	topic-of-the-dump	test	key-2	Tested	/former	{"number": 6, "filling": ""}	\N	2026-11-28 18:02:10.827507+00
32	780	039b0faf-e219-4896-8d20-39dd37d7c3ec	topic-of-the-dump	test	key-3	Tested	/former	{"number": 6, "filling": ""}	\N	2026-11-28 18:02:10.867501+00
33	781	77fbe5d0-b470-4e61-a79f-17f87a9759c1	topic-of-the-dump	test	key-0	Tested	/former	{"number": 7, "filling": ""}	\N	2026-11-28 18:02:10.880756+00
34	782	c29e232b-0fd4-4384-8521-4fe4441c4ffe	topic-of-the-dump	test	key-1	Tested	/former	{"number": 7, "filling": ""}	\N	2026-11-28 18:02:10.89642+00
35	783	574f9e42-faed-4f5a-9ac9-13a536c89475	topic-of-the-dump	test	key-2	Tested	/former	{"number": 7, "filling": ""}	\N	2026-11-28 18:02:10.917875+00
36	784	11b0dd35-f685-4c8d-9c7f-667a3eec6277	topic-of-the-dump	test	key-3	Tested	/former	{"number": 7, "filling": ""}	\N	2026-11-28 18:02:10.935442+00
37	785	45e57dce-2141-485a-b1a6-674b1e420330	topic-of-the-dump	test	held	Tested	/former	{"number": 3, "filling": ""}	\N	2026-11-28 18:02:10.949183+00
38	786	90135013-b944-4c91-b2e8-20ffb9cc7dda	topic-of-the-dump	test	request-before	Tested	/former	{"number": 0, "filling": ""}	\N	2026-11-28 18:02:10.961228+00
\.


--
-- Data for Name: outbox_p1000001; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.outbox_p1000001 ("position", xid, id, topic, aggregatetype, aggregateid, type, source, payload, traceparent, created_at) FROM stdin;
\.


--
-- Data for Name: outbox_p2000001; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.outbox_p2000001 ("position", xid, id, topic, aggregatetype, aggregateid, type, source, payload, traceparent, created_at) FROM stdin;
\.


--
-- Data for Name: user_coupon; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.user_coupon (user_coupon_id, coupon_id, user_id, request_id, issue_number, issued_at) FROM stdin;
\.


--
-- Name: coupon_coupon_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.coupon_coupon_id_seq', 1, false);


--
-- Name: outbox_position_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.outbox_position_seq', 38, true);


--
-- Name: user_coupon_user_coupon_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.user_coupon_user_coupon_id_seq', 1, false);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: coupon coupon_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.coupon
    ADD CONSTRAINT coupon_pkey PRIMARY KEY (coupon_id);


--
-- Name: coupon_request coupon_request_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.coupon_request
    ADD CONSTRAINT coupon_request_pkey PRIMARY KEY (request_id);


--
-- Name: idempotency_key idempotency_key_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.idempotency_key
    ADD CONSTRAINT idempotency_key_pkey PRIMARY KEY (key);


--
-- Name: inbox inbox_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (consumer_group, event_id);


--
-- Name: outbox_dead_letter outbox_dead_letter_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox_dead_letter
    ADD CONSTRAINT outbox_dead_letter_pkey PRIMARY KEY ("position");


--
-- Name: outbox outbox_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY ("position");


--
-- Name: outbox_zone1 outbox_zone1_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox_zone1
    ADD CONSTRAINT outbox_zone1_pkey PRIMARY KEY ("position");


--
-- Name: outbox_default1 outbox_default1_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox_default1
    ADD CONSTRAINT outbox_default1_pkey PRIMARY KEY ("position");


--
-- Name: outbox_default outbox_default_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox_default
    ADD CONSTRAINT outbox_default_pkey PRIMARY KEY ("position");


--
-- Name: outbox_p1000001 outbox_p1000001_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox_p1000001
    ADD CONSTRAINT outbox_p1000001_pkey PRIMARY KEY ("position");


--
-- Name: outbox_p1 outbox_p1_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox_p1
    ADD CONSTRAINT outbox_p1_pkey PRIMARY KEY ("position");


--
-- Name: outbox_p2000001 outbox_p2000001_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox_p2000001
    ADD CONSTRAINT outbox_p2000001_pkey PRIMARY KEY ("position");


--
-- Name: user_coupon user_coupon_issue_number; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_coupon
    ADD CONSTRAINT user_coupon_issue_number UNIQUE (coupon_id, issue_number);


--
-- Name: user_coupon user_coupon_one_a_user; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_coupon
    ADD CONSTRAINT user_coupon_one_a_user UNIQUE (coupon_id, user_id);


--
-- Name: user_coupon user_coupon_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_coupon
    ADD CONSTRAINT user_coupon_pkey PRIMARY KEY (user_coupon_id);


--
-- Name: coupon_request_decision_number; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX coupon_request_decision_number ON public.coupon_request USING btree (coupon_id, decision_number) WHERE (decision_number IS NOT NULL);


--
-- Name: outbox_dead_letter_discarded_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outbox_dead_letter_discarded_idx ON public.outbox_dead_letter USING btree ("position") WHERE (state = 'DISCARDED'::text);


--
-- Name: outbox_dead_letter_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outbox_dead_letter_id_idx ON public.outbox_dead_letter USING btree (id);


--
-- Name: outbox_dead_letter_open_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outbox_dead_letter_open_idx ON public.outbox_dead_letter USING btree (key_hash, "position") WHERE (state = ANY (ARRAY['PARKED'::text, 'REPLAYING'::text]));


--
-- Name: outbox_dead_letter_replaying_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outbox_dead_letter_replaying_idx ON public.outbox_dead_letter USING btree ("position") WHERE (state = 'REPLAYING'::text);


--
-- Name: outbox_xid_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outbox_xid_idx ON ONLY public.outbox USING btree (xid, "position");


--
-- Name: outbox_zone1_xid_position_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outbox_zone1_xid_position_idx ON ONLY public.outbox_zone1 USING btree (xid, "position");


--
-- Name: outbox_default1_xid_position_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outbox_default1_xid_position_idx ON public.outbox_default1 USING btree (xid, "position");


--
-- Name: outbox_default_xid_position_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outbox_default_xid_position_idx ON public.outbox_default USING btree (xid, "position");


--
-- Name: outbox_p1000001_xid_position_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outbox_p1000001_xid_position_idx ON public.outbox_p1000001 USING btree (xid, "position");


--
-- Name: outbox_p1_xid_position_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outbox_p1_xid_position_idx ON public.outbox_p1 USING btree (xid, "position");


--
-- Name: outbox_p2000001_xid_position_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outbox_p2000001_xid_position_idx ON public.outbox_p2000001 USING btree (xid, "position");


--
-- Name: user_coupon_of_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX user_coupon_of_user ON public.user_coupon USING btree (user_id, user_coupon_id);


--
-- Name: outbox_default1_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.outbox_zone1_pkey ATTACH PARTITION public.outbox_default1_pkey;


--
-- Name: outbox_default1_xid_position_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.outbox_zone1_xid_position_idx ATTACH PARTITION public.outbox_default1_xid_position_idx;


--
-- Name: outbox_default_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.outbox_pkey ATTACH PARTITION public.outbox_default_pkey;


--
-- Name: outbox_default_xid_position_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.outbox_xid_idx ATTACH PARTITION public.outbox_default_xid_position_idx;


--
-- Name: outbox_p1000001_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.outbox_zone1_pkey ATTACH PARTITION public.outbox_p1000001_pkey;


--
-- Name: outbox_p1000001_xid_position_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.outbox_zone1_xid_position_idx ATTACH PARTITION public.outbox_p1000001_xid_position_idx;


--
-- Name: outbox_p1_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.outbox_zone1_pkey ATTACH PARTITION public.outbox_p1_pkey;


--
-- Name: outbox_p1_xid_position_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.outbox_zone1_xid_position_idx ATTACH PARTITION public.outbox_p1_xid_position_idx;


--
-- Name: outbox_p2000001_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.outbox_zone1_pkey ATTACH PARTITION public.outbox_p2000001_pkey;


--
-- Name: outbox_p2000001_xid_position_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.outbox_zone1_xid_position_idx ATTACH PARTITION public.outbox_p2000001_xid_position_idx;


--
-- Name: outbox_zone1_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.outbox_pkey ATTACH PARTITION public.outbox_zone1_pkey;


--
-- Name: outbox_zone1_xid_position_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.outbox_xid_idx ATTACH PARTITION public.outbox_zone1_xid_position_idx;


--
-- Name: user_coupon user_coupon_coupon_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_coupon
    ADD CONSTRAINT user_coupon_coupon_id_fkey FOREIGN KEY (coupon_id) REFERENCES public.coupon(coupon_id);


--
-- Name: user_coupon user_coupon_request_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_coupon
    ADD CONSTRAINT user_coupon_request_id_fkey FOREIGN KEY (request_id) REFERENCES public.coupon_request(request_id);


--
-- Name: SCHEMA public; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA public TO outbox_relay;


--
-- Name: FUNCTION outbox_add_partitions(partition_positions bigint, ahead integer, max_age interval); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.outbox_add_partitions(partition_positions bigint, ahead integer, max_age interval) FROM PUBLIC;
GRANT ALL ON FUNCTION public.outbox_add_partitions(partition_positions bigint, ahead integer, max_age interval) TO outbox_relay;


--
-- Name: FUNCTION outbox_begin_zone(last_end bigint, last_position bigint); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.outbox_begin_zone(last_end bigint, last_position bigint) FROM PUBLIC;


--
-- Name: FUNCTION outbox_bounds(parent oid); Type: ACL; Schema: public; Owner: -
--

GRANT ALL ON FUNCTION public.outbox_bounds(parent oid) TO outbox_relay;


--
-- Name: FUNCTION outbox_drop_partition(retention interval); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.outbox_drop_partition(retention interval) FROM PUBLIC;
GRANT ALL ON FUNCTION public.outbox_drop_partition(retention interval) TO outbox_relay;


--
-- Name: FUNCTION outbox_is_passed(partition_name text, retention interval); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.outbox_is_passed(partition_name text, retention interval) FROM PUBLIC;


--
-- Name: FUNCTION outbox_move_on(next_position bigint); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.outbox_move_on(next_position bigint) FROM PUBLIC;


--
-- Name: FUNCTION outbox_partition_bounds(); Type: ACL; Schema: public; Owner: -
--

GRANT ALL ON FUNCTION public.outbox_partition_bounds() TO outbox_relay;


--
-- Name: FUNCTION outbox_rebase(); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.outbox_rebase() FROM PUBLIC;
GRANT ALL ON FUNCTION public.outbox_rebase() TO outbox_relay;


--
-- Name: FUNCTION outbox_reshard(new_shards integer); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.outbox_reshard(new_shards integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.outbox_reshard(new_shards integer) TO outbox_relay;


--
-- Name: FUNCTION outbox_zone_bounds(); Type: ACL; Schema: public; Owner: -
--

GRANT ALL ON FUNCTION public.outbox_zone_bounds() TO outbox_relay;


--
-- Name: TABLE outbox; Type: ACL; Schema: public; Owner: -
--

GRANT SELECT ON TABLE public.outbox TO outbox_relay;


--
-- Name: TABLE outbox_cursor; Type: ACL; Schema: public; Owner: -
--

GRANT SELECT,UPDATE ON TABLE public.outbox_cursor TO outbox_relay;


--
-- Name: TABLE outbox_dead_letter; Type: ACL; Schema: public; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE public.outbox_dead_letter TO outbox_relay;


--
-- PostgreSQL database dump complete
--


