"""The database's history; ``coupon-service migrate`` brings a database up to date."""

from pathlib import Path

from servicekit.idempotency.schema import IDEMPOTENCY_KEYS
from servicekit.inbox.schema import INBOX
from servicekit.outbox.schema import OUTBOX

SCRIPT_LOCATION = Path(__file__).parent
FAMILIES = (IDEMPOTENCY_KEYS, INBOX, OUTBOX)
