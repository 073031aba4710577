"""The database's versions."""

from pathlib import Path

SCRIPT_LOCATION = Path(__file__).parent
