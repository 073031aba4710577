"""``outbox-relay topics``: the job that makes a cluster's topics."""

import os
import subprocess
import sys
from pathlib import Path

from kafka.admin import KafkaAdminClient

_COMMAND = Path(sys.executable).with_name("outbox-relay")


def _run(file: Path, bootstrap_servers: str, environment: str = "development") -> tuple[int, str]:
    done = subprocess.run(
        [str(_COMMAND), "topics", str(file)],
        env={
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "TOPICS_ENVIRONMENT": environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def _partitions(bootstrap_servers: str, topic: str) -> int:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        (found,) = admin.describe_topics([topic])
    finally:
        admin.close()
    return len(found["partitions"])


def _write(path: Path, topic: str, partitions: int) -> Path:
    path.write_text(f"[replication]\ndevelopment = 1\n[topics.{topic}]\npartitions = {partitions}\n")
    return path


def test_topics_are_made_once_and_may_be_asked_for_again(
    kafka_bootstrap_servers: str, unique: str, tmp_path: Path
) -> None:
    file = _write(tmp_path / "topics.toml", f"made-{unique}", 5)
    assert _run(file, kafka_bootstrap_servers) == (0, "")
    assert _run(file, kafka_bootstrap_servers) == (0, "")
    assert _partitions(kafka_bootstrap_servers, f"made-{unique}") == 5


def test_topic_with_other_partitions_is_refused_and_left_alone(
    kafka_bootstrap_servers: str, unique: str, tmp_path: Path
) -> None:
    topic = f"made-{unique}"
    _run(_write(tmp_path / "topics.toml", topic, 2), kafka_bootstrap_servers)
    status, error = _run(_write(tmp_path / "topics.toml", topic, 3), kafka_bootstrap_servers)
    assert status == 1
    assert f"{topic} has 2 partitions instead of 3" in error
    assert _partitions(kafka_bootstrap_servers, topic) == 2


def test_file_without_a_list_of_topics_is_refused(kafka_bootstrap_servers: str, tmp_path: Path) -> None:
    file = tmp_path / "topics.toml"
    file.write_text("[topics.one]\npartitions = 0\n")
    status, error = _run(file, kafka_bootstrap_servers)
    assert status == 2
    assert "topics.toml" in error


def test_environment_without_a_replication_is_refused(
    kafka_bootstrap_servers: str, unique: str, tmp_path: Path
) -> None:
    file = _write(tmp_path / "topics.toml", f"made-{unique}", 1)
    status, error = _run(file, kafka_bootstrap_servers, "staging")
    assert status == 2
    assert "no replication for staging" in error
