"""The inbox: a consumer remembers which events it has applied, in the transaction that applies them.

Pattern: "Idempotent consumer" (microservices.io). At-least-once delivery becomes an effect exactly once.
"""
