"""The database's versions."""

from pathlib import Path

from servicekit.idempotency.schema import IDEMPOTENCY_KEYS
from servicekit.outbox.schema import OUTBOX

SCRIPT_LOCATION = Path(__file__).parent
FAMILIES = (IDEMPOTENCY_KEYS, OUTBOX)
