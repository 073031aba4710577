-- One database per service. Answers the statements that are still to be run; psql runs them by the last line.
SELECT format('CREATE DATABASE %I OWNER %I', name, owner)
FROM (VALUES ('coupon', 'coupon_service'), ('order', 'order_service'), ('notification', 'notification_service'))
    AS wanted (name, owner)
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name)
\gexec
