-- The roles' passwords from the environment (psql 15 or newer); what isn't set stays as it is.
\getenv coupon_service COUPON_DATABASE_PASSWORD
\getenv order_service ORDER_DATABASE_PASSWORD
\getenv notification_service NOTIFICATION_DATABASE_PASSWORD
\getenv outbox_relay OUTBOX_RELAY_DATABASE_PASSWORD
\if :{?coupon_service}
ALTER ROLE coupon_service PASSWORD :'coupon_service';
\endif
\if :{?order_service}
ALTER ROLE order_service PASSWORD :'order_service';
\endif
\if :{?notification_service}
ALTER ROLE notification_service PASSWORD :'notification_service';
\endif
\if :{?outbox_relay}
ALTER ROLE outbox_relay PASSWORD :'outbox_relay';
\endif
