"""Where the data that devstack shares with other ways of deployment lies. devstack is run from a checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
KAFKA_DATA = ROOT / "deploy" / "kafka"
TOPICS_FILE = KAFKA_DATA / "topics.toml"
POSTGRES_DATA = ROOT / "deploy" / "postgres"
