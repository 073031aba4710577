-- Expands: keys get a scope. Releases that know version 1 go on.
--
-- Their rows have the scope ''. Both releases store the key itself, and it stays unique alone, so that a request which
-- is repeated through the other release is recognised. Until version 3 a key can therefore be used in one scope only;
-- in any other it is refused as used for another request.
--
--     INSERT INTO idempotency_key (scope, key, fingerprint, reply)
--     SELECT :scope, :key, :fingerprint, :reply
--     WHERE NOT EXISTS (SELECT FROM idempotency_key WHERE scope = '' AND key = :key AND fingerprint = :fingerprint)
--     ON CONFLICT DO NOTHING
--
-- is right in both versions: it names no columns that conflict, since those are others in version 3. There the row is
-- not compared with one of scope '', so the statement looks for that itself; no release writes such rows by then.
ALTER TABLE @schema@.idempotency_key ADD COLUMN scope text NOT NULL DEFAULT '';

CREATE FUNCTION @schema@.idempotency_key_schema_version(OUT version integer, OUT oldest_supported integer)
LANGUAGE sql IMMUTABLE
AS $body$ SELECT 2, 1 $body$;
