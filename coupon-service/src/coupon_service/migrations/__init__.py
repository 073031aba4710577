"""The database's history; ``coupon-service migrate`` brings a database up to date."""
