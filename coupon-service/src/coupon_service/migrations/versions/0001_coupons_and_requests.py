"""Coupons, requests for them, coupons in users' hands; outbox, inbox and idempotency keys.

``coupon_request`` has no foreign key to ``coupon``, on purpose. Accepting a request would have to wait for
the worker, which holds the coupon's row while it decides; and a request for a coupon that doesn't exist is
kept too, with the answer that it got.
"""

from alembic import op

from servicekit.db.migrations import migration_option
from servicekit.idempotency.migration import drop_idempotency_keys, upgrade_idempotency_keys
from servicekit.inbox.migration import drop_inbox, upgrade_inbox
from servicekit.outbox.migration import drop_outbox, upgrade_outbox

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

COUPON = """
CREATE TABLE coupon (
    coupon_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL,
    total_quantity  integer NOT NULL CHECK (total_quantity BETWEEN 1 AND 10000000),
    issued_quantity integer NOT NULL DEFAULT 0,
    decided_count   bigint NOT NULL DEFAULT 0,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    discount_type   text NOT NULL CHECK (discount_type IN ('AMOUNT', 'RATE')),
    discount_value  bigint NOT NULL CHECK (discount_value > 0),
    created_at      timestamptz NOT NULL,
    CONSTRAINT coupon_never_oversold CHECK (issued_quantity BETWEEN 0 AND total_quantity),
    CONSTRAINT coupon_decided_covers_issued CHECK (decided_count >= issued_quantity),
    CONSTRAINT coupon_ends_after_start CHECK (ends_at > starts_at)
)
"""

COUPON_REQUEST = """
CREATE TABLE coupon_request (
    request_id      uuid PRIMARY KEY,
    coupon_id       bigint NOT NULL,
    user_id         bigint NOT NULL,
    status          text NOT NULL CHECK (status IN ('ACCEPTED', 'ISSUED', 'REJECTED')),
    reason          text,
    decision_number bigint,
    issue_number    integer,
    requested_at    timestamptz NOT NULL,
    decided_at      timestamptz,
    CONSTRAINT coupon_request_decided_when CHECK ((status = 'ACCEPTED') = (decided_at IS NULL)),
    CONSTRAINT coupon_request_issued_number CHECK ((status = 'ISSUED') = (issue_number IS NOT NULL)),
    CONSTRAINT coupon_request_rejected_why CHECK ((status = 'REJECTED') = (reason IS NOT NULL))
)
"""

# Partial: a request enters this index when it is decided, so that accepting it costs one index less.
COUPON_REQUEST_DECISION = """
CREATE UNIQUE INDEX coupon_request_decision_number ON coupon_request (coupon_id, decision_number)
 WHERE decision_number IS NOT NULL
"""

USER_COUPON = """
CREATE TABLE user_coupon (
    user_coupon_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    coupon_id      bigint NOT NULL REFERENCES coupon,
    user_id        bigint NOT NULL,
    request_id     uuid NOT NULL REFERENCES coupon_request,
    issue_number   integer NOT NULL,
    issued_at      timestamptz NOT NULL,
    CONSTRAINT user_coupon_one_a_user UNIQUE (coupon_id, user_id),
    CONSTRAINT user_coupon_issue_number UNIQUE (coupon_id, issue_number)
)
"""

USER_COUPON_OF_USER = "CREATE INDEX user_coupon_of_user ON user_coupon (user_id, user_coupon_id)"


def upgrade() -> None:
    for statement in (COUPON, COUPON_REQUEST, COUPON_REQUEST_DECISION, USER_COUPON, USER_COUPON_OF_USER):
        op.execute(statement)
    upgrade_outbox(op, to=1, relay_role=migration_option(op.get_context().config, "outbox_relay_role"))
    upgrade_inbox(op, to=1)
    upgrade_idempotency_keys(op, to=1)


def downgrade() -> None:
    drop_idempotency_keys(op)
    drop_inbox(op)
    drop_outbox(op)
    for table in ("user_coupon", "coupon_request", "coupon"):
        op.drop_table(table)
