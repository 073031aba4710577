-- Nobody enters another's database, but the relay enters those that have an outbox. What it may do inside, each
-- service's migration says.
REVOKE ALL ON DATABASE coupon, "order", notification FROM PUBLIC;
GRANT CONNECT ON DATABASE coupon, "order" TO outbox_relay;
