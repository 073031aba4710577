"""The database's versions."""

from pathlib import Path

from servicekit.db.schema import ServiceSchema
from servicekit.idempotency.schema import IDEMPOTENCY_KEYS
from servicekit.outbox.schema import OUTBOX

SCHEMA = ServiceSchema("order-service", Path(__file__).parent, (IDEMPOTENCY_KEYS, OUTBOX))
