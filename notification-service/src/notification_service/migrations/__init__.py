"""The database's versions."""

from pathlib import Path

from servicekit.inbox.schema import INBOX

SCRIPT_LOCATION = Path(__file__).parent
FAMILIES = (INBOX,)
