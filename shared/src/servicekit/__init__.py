"""Transactional outbox, inbox, Kafka consumers and the plumbing of a Flask service."""
