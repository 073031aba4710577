"""The database's history; ``coupon-service migrate`` brings a database up to date."""

from pathlib import Path

from servicekit.db.schema import ServiceSchema
from servicekit.idempotency.schema import IDEMPOTENCY_KEYS
from servicekit.inbox.schema import INBOX
from servicekit.outbox.schema import OUTBOX

SCHEMA = ServiceSchema("coupon-service", Path(__file__).parent, (IDEMPOTENCY_KEYS, INBOX, OUTBOX))
