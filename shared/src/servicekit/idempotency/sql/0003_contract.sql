-- Contracts: a key is unique within its scope only. Apply it when nothing of a release that knows only version 1 runs any
-- more: such a release would not see the keys of version 2, and execute a repeated request again.
--
-- Building the index takes about a second a million keys, and requests with a key wait for it. Where that is too long,
-- build it before, without a transaction: CREATE UNIQUE INDEX CONCURRENTLY.
CREATE UNIQUE INDEX IF NOT EXISTS idempotency_key_scope_key ON @schema@.idempotency_key (scope, key);

ALTER TABLE @schema@.idempotency_key
    DROP CONSTRAINT idempotency_key_pkey,
    ADD CONSTRAINT idempotency_key_pkey PRIMARY KEY USING INDEX idempotency_key_scope_key;

CREATE OR REPLACE FUNCTION @schema@.idempotency_key_schema_version(OUT version integer, OUT oldest_supported integer)
LANGUAGE sql IMMUTABLE
AS $body$ SELECT 3, 2 $body$;
