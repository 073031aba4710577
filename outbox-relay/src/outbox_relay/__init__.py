"""Publishes outbox tables to Kafka: nothing lost, order kept per key."""
