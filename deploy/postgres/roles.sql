-- The roles that the processes log in with; each service owns its database, the relay owns nothing.
-- May be run again. The passwords are for development: change them with ALTER ROLE where others can connect.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['coupon_service', 'order_service', 'notification_service', 'outbox_relay'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L', name, name);
        END IF;
        -- An administrator who isn't a superuser may give a database only to a role that it belongs to.
        IF NOT pg_has_role(current_user, name, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', name);
        END IF;
    END LOOP;
END
$$;
