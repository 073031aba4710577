-- The roles that the processes log in with; each service owns its database, the relay owns nothing.
-- May be run again. A new role has no password yet: see passwords.sql.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['coupon_service', 'order_service', 'notification_service', 'outbox_relay'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', name);
        END IF;
        -- An administrator without superuser may give a database only to a role whose rights it has. From 16 on, having
        -- created a role isn't enough for that.
        IF NOT pg_has_role(current_user, name, 'USAGE') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', name);
        END IF;
    END LOOP;
END
$$;
