"""Starts a whole stack: PostgreSQL, Kafka and every service."""
