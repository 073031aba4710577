"""Transactional outbox, inbox, Kafka consumers and the plumbing of a Flask service.

What lives here has at least two users and knows no business noun. It imports no service.
"""
