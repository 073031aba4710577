"""The transactional outbox: an event is stored in the transaction that makes it true.

Pattern: Chris Richardson, "Pattern: Transactional outbox" (microservices.io). The columns ``id``,
``aggregatetype``, ``aggregateid``, ``type`` and ``payload`` are those of Debezium's outbox event router.
"""

from servicekit.outbox.event import OutboxEvent
from servicekit.outbox.table import outbox_cursor_table, outbox_table
from servicekit.outbox.writer import OutboxWriter

__all__ = ["OutboxEvent", "OutboxWriter", "outbox_cursor_table", "outbox_table"]
