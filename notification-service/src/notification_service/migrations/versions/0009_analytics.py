"""Analytics keep the events' items, and sums by hour, product, basket size, customer and delay.

The former release goes on beside the new one. Orders that it accepts have no items, and those that it counts
are missing in the new sums until ``analytics rebuild``. The triggers work for both releases.

Each table in use is changed in a transaction of its own: acceptance and effects write all of them, and would
stop if the lock on one of them waited for the next one.
"""

from alembic import op

from servicekit.db.online_changes import alter_in_use, build_index, commit_so_far

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# What is there already was left by a run that was interrupted.
EVENTS = """
ALTER TABLE completed_order
    ADD COLUMN IF NOT EXISTS items jsonb,
    ADD COLUMN IF NOT EXISTS approved_at timestamptz;
COMMENT ON COLUMN completed_order.items IS
    'Product, quantity and unit price of each line; null if a former release accepted the order.'
"""

# Of the sums many rows change all day, and no index but the key needs to know: there is room in their pages.
SUMS = """
CREATE TABLE IF NOT EXISTS sales_hourly (
    hour_start   timestamptz NOT NULL,
    currency     text NOT NULL,
    business_day date NOT NULL,
    orders       bigint NOT NULL,
    items        numeric(38, 0) NOT NULL,
    amount       numeric(38, 0) NOT NULL,
    PRIMARY KEY (hour_start, currency)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS sales_by_product (
    business_day date NOT NULL,
    currency     text NOT NULL,
    product_id   text NOT NULL,
    orders       bigint NOT NULL,
    items        numeric(38, 0) NOT NULL,
    amount       numeric(38, 0) NOT NULL,
    PRIMARY KEY (business_day, currency, product_id)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS sales_by_basket_size (
    business_day date NOT NULL,
    currency     text NOT NULL,
    pieces       integer NOT NULL,
    orders       bigint NOT NULL,
    amount       numeric(38, 0) NOT NULL,
    PRIMARY KEY (business_day, currency, pieces)
) WITH (fillfactor = 50);
COMMENT ON COLUMN sales_by_basket_size.pieces IS '100 stands for all larger baskets, too.';
CREATE TABLE IF NOT EXISTS customers_daily (
    business_day  date PRIMARY KEY,
    customers     bigint NOT NULL,
    new_customers bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS effect_delay (
    hour_start   timestamptz NOT NULL,
    effect       text NOT NULL,
    up_to_ms     bigint NOT NULL,
    business_day date NOT NULL,
    deliveries   bigint NOT NULL,
    total_ms     numeric(38, 0) NOT NULL,
    PRIMARY KEY (hour_start, effect, up_to_ms)
) WITH (fillfactor = 50);
COMMENT ON COLUMN effect_delay.up_to_ms IS '9223372036854775807 stands for all that took longer.'
"""

# Customers: all that is kept of a person is the number that the event has.
STATE = """
CREATE TABLE IF NOT EXISTS customer (
    user_id            bigint PRIMARY KEY,
    first_order_id     uuid NOT NULL,
    first_completed_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS analytics_zone (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    time_zone text NOT NULL
);
INSERT INTO analytics_zone (time_zone) VALUES ('Asia/Seoul') ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS analytics_closed_day (business_day date PRIMARY KEY);
COMMENT ON TABLE analytics_closed_day IS 'Days that had events that are no longer kept: never rebuilt.';
CREATE TABLE IF NOT EXISTS effect_delay_entry (
    entry_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    quarter_start timestamptz NOT NULL,
    effect        text NOT NULL,
    up_to_ms      bigint NOT NULL,
    deliveries    bigint NOT NULL,
    total_ms      numeric(38, 0) NOT NULL
);
COMMENT ON TABLE effect_delay_entry IS
    'What is still to be added to effect_delay: a delivery only inserts, and waits for no row.';
COMMENT ON TABLE customer IS
    'Each customer''s first order, by the number in the event. Kept without a limit: it says who is new.'
"""

# Counters and retention hold this lock shared, and a rebuild alone.
FUNCTIONS = """
CREATE OR REPLACE FUNCTION analytics_lock() RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT 8427110009';
CREATE OR REPLACE FUNCTION effect_delay_ms(approved_at timestamptz, completed_at timestamptz)
    RETURNS bigint IMMUTABLE LANGUAGE sql AS $$
    -- The gateway's clock may be ahead of ours.
    SELECT GREATEST(0, floor(extract(epoch FROM completed_at - approved_at) * 1000))::bigint
$$;
CREATE OR REPLACE FUNCTION effect_delay_bucket(delay_ms bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS $$
    SELECT COALESCE(min(up_to_ms), 9223372036854775807)
      FROM unnest(ARRAY[100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 900000, 3600000,
                        86400000]::bigint[]) AS up_to_ms
     WHERE delay_ms <= up_to_ms
$$;
CREATE OR REPLACE FUNCTION delivery_delays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM present WHERE status = 'DELIVERED') THEN
        INSERT INTO effect_delay_entry (quarter_start, effect, up_to_ms, deliveries, total_ms)
        SELECT quarter_start, effect, effect_delay_bucket(delay_ms), count(*), sum(delay_ms)
          FROM (SELECT present.effect,
                       -- The offset of every time zone is a multiple of it.
                       date_bin('15 minutes', ordered.completed_at, '2000-01-01Z') AS quarter_start,
                       effect_delay_ms(ordered.approved_at, present.completed_at) AS delay_ms
                  FROM present
                  JOIN former ON former.delivery_id = present.delivery_id
                  JOIN completed_order AS ordered ON ordered.event_id = present.event_id
                 WHERE present.status = 'DELIVERED' AND former.status <> 'DELIVERED'
                   AND ordered.approved_at IS NOT NULL) AS delivered
         GROUP BY 1, 2, 3;
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION close_analytics_days() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(analytics_lock()) FROM gone LIMIT 1;
    INSERT INTO analytics_closed_day
    SELECT DISTINCT (completed_at AT TIME ZONE time_zone)::date FROM gone, analytics_zone ORDER BY 1
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$
"""

DELIVERY_TRIGGER = """
CREATE OR REPLACE TRIGGER delivery_delays AFTER UPDATE ON delivery
    REFERENCING OLD TABLE AS former NEW TABLE AS present
    FOR EACH STATEMENT EXECUTE FUNCTION delivery_delays()
"""
RETENTION_TRIGGER = """
CREATE OR REPLACE TRIGGER close_analytics_days AFTER DELETE ON completed_order
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION close_analytics_days()
"""

# The days that retention has made incomplete so far. Former releases knew one time zone.
FORMERLY_CLOSED = """
INSERT INTO analytics_closed_day
SELECT business_day
  FROM (SELECT business_day, sum(orders) AS orders FROM sales_daily GROUP BY 1) AS counted
  LEFT JOIN (SELECT (completed_at AT TIME ZONE 'Asia/Seoul')::date AS business_day, count(*) AS orders
               FROM analytics_order GROUP BY 1) AS kept USING (business_day)
 WHERE counted.orders > COALESCE(kept.orders, 0)
    ON CONFLICT DO NOTHING
"""

INDEXES = {
    "analytics_order_user_idx": ("analytics_order", "(user_id, completed_at)"),
    # Orders come nearly by time: some bytes for 32 pages find a day's.
    "completed_order_time_idx": (
        "completed_order",
        "USING brin (completed_at) WITH (pages_per_range = 32)",
    ),
}


def upgrade() -> None:
    for statements in (SUMS, STATE, FUNCTIONS):
        op.execute(statements)
    for statements in (EVENTS, RETENTION_TRIGGER, DELIVERY_TRIGGER):
        commit_so_far()
        alter_in_use(statements)
    # It reads all that was ever counted. What retention deletes from now on, its trigger notes.
    commit_so_far()
    op.execute(FORMERLY_CLOSED)
    for name, (table, definition) in INDEXES.items():
        build_index(name, table, definition)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
