"""Where the data that devstack shares with other ways of deployment lies. devstack is run from a checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
KAFKA_DATA = ROOT / "deploy" / "kafka"
POSTGRES_DATA = ROOT / "deploy" / "postgres"
