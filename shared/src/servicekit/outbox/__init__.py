"""The transactional outbox: an event is stored in the transaction that makes it true.

Pattern: Chris Richardson, "Pattern: Transactional outbox" (microservices.io). The columns ``id``,
``aggregatetype``, ``aggregateid``, ``type`` and ``payload`` are those of Debezium's outbox event router.

Nothing is imported here: an application that only names :class:`servicekit.outbox.event.OutboxEvent` needs no
database driver.
"""
