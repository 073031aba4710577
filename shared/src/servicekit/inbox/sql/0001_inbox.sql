-- One row for each event that a consumer group has applied.
CREATE TABLE @schema@.inbox (
    consumer_group text NOT NULL,
    event_id uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer_group, event_id)
);
