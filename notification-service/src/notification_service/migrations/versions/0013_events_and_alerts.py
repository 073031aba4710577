"""Events about orders besides OrderCompleted, and alerts on what rules see in orders.

The former release goes on beside the new one: what it accepts has no event's name, which stands for
OrderCompleted, the only one that it knows.
"""

from alembic import op

from servicekit.db.online_changes import alter_in_use, commit_so_far

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

EVENTS = """
ALTER TABLE completed_order
    ADD COLUMN IF NOT EXISTS event text,
    ADD COLUMN IF NOT EXISTS message_values jsonb;
COMMENT ON COLUMN completed_order.event IS
    'The name of the event about the order. Null if a former release accepted it: OrderCompleted.';
COMMENT ON COLUMN completed_order.message_values IS
    'What the event''s message says besides the order; null if nothing.'
"""

ALERTS = """
CREATE TABLE IF NOT EXISTS alert_match (
    match_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule         text NOT NULL,
    order_id     uuid NOT NULL,
    currency     text NOT NULL,
    total_amount bigint NOT NULL,
    noted_at     timestamptz NOT NULL DEFAULT statement_timestamp()
);
COMMENT ON TABLE alert_match IS
    'Orders that a rule matched, still to be added to alerts: analytics only inserts, and waits for no row.';
CREATE TABLE IF NOT EXISTS alert (
    alert_key    text PRIMARY KEY,
    rule         text NOT NULL,
    began_at     timestamptz,
    last_seen_at timestamptz,
    noticed_at   timestamptz,
    seen         bigint NOT NULL DEFAULT 0,
    unnoticed    bigint NOT NULL DEFAULT 0,
    summary      text NOT NULL DEFAULT '',
    details      jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT alert_seen_since_it_began CHECK ((began_at IS NULL) = (last_seen_at IS NULL))
);
COMMENT ON COLUMN alert.began_at IS 'Null while nothing is wrong.';
CREATE TABLE IF NOT EXISTS alert_judged_hour (rule text PRIMARY KEY, hour_start timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS alert_notice (
    number             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notice_id          uuid NOT NULL UNIQUE,
    alert_key          text NOT NULL,
    rule               text NOT NULL,
    severity           text NOT NULL,
    kind               text NOT NULL,
    noticed_at         timestamptz NOT NULL,
    began_at           timestamptz NOT NULL,
    seen               bigint NOT NULL,
    summary            text NOT NULL,
    details            jsonb NOT NULL,
    attempts           integer NOT NULL DEFAULT 0,
    due_at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    claim_id           uuid,
    last_error         text
);
COMMENT ON COLUMN alert_notice.due_at IS
    'When the next attempt may be made; while it is claimed, when the claim''s lease runs out.'
"""


def upgrade() -> None:
    op.execute(ALERTS)
    commit_so_far()
    alter_in_use(EVENTS)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
