"""The database's versions."""

from pathlib import Path

from servicekit.db.schema import ServiceSchema
from servicekit.idempotency.schema import IDEMPOTENCY_KEYS
from servicekit.inbox.schema import INBOX

SCHEMA = ServiceSchema("notification-service", Path(__file__).parent, (IDEMPOTENCY_KEYS, INBOX))
