-- One row for each key, with the request's fingerprint and the reply to give again.
CREATE TABLE @schema@.idempotency_key (
    key text NOT NULL,
    fingerprint text NOT NULL,
    reply jsonb,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (key)
);
