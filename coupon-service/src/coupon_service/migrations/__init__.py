"""The database's history; ``coupon-service migrate`` brings a database up to date."""

from pathlib import Path

SCRIPT_LOCATION = Path(__file__).parent
