"""``outbox-relay topics``: the job that makes a cluster's topics."""

import os
import subprocess
import sys
from pathlib import Path

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic

_COMMAND = Path(sys.executable).with_name("outbox-relay")


def _run(
    file: Path, bootstrap_servers: str, *options: str, environment: str = "development"
) -> tuple[int, str]:
    done = subprocess.run(
        [str(_COMMAND), "topics", str(file), *options],
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


def _own_options(bootstrap_servers: str, topic: str) -> dict[str, str]:
    """Those that the topic was given, whatever the broker's defaults are."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        found = admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="modified"
        )
    finally:
        admin.close()
    return {name: entry["value"] for name, entry in found["topic"][topic].items()}


def _write(path: Path, topic: str, partitions: int) -> Path:
    path.write_text(f"[replication]\ndevelopment = 1\n[topics.{topic}]\npartitions = {partitions}\n")
    return path


def _make_compacted(bootstrap_servers: str, topic: str) -> None:
    options = {"cleanup.policy": "compact", "retention.ms": "1000"}
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        admin.create_topics([NewTopic(topic, 1, 1, topic_configs=options)])
    finally:
        admin.close()


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


def test_new_topic_depends_on_no_default_of_its_broker(
    kafka_bootstrap_servers: str, unique: str, tmp_path: Path
) -> None:
    _run(_write(tmp_path / "topics.toml", f"made-{unique}", 1), kafka_bootstrap_servers)
    assert _own_options(kafka_bootstrap_servers, f"made-{unique}") == {
        "cleanup.policy": "delete",
        "compression.type": "producer",
        "min.insync.replicas": "1",
        "retention.bytes": "-1",
        "retention.ms": "604800000",
    }


def test_more_partitions_than_declared_are_a_warning_about_order(
    kafka_bootstrap_servers: str, unique: str, tmp_path: Path
) -> None:
    topic = f"made-{unique}"
    _run(_write(tmp_path / "topics.toml", topic, 3), kafka_bootstrap_servers)
    status, warning = _run(_write(tmp_path / "topics.toml", topic, 2), kafka_bootstrap_servers)
    assert status == 0
    assert (
        f"WARNING topic {topic}: partitions is 3 instead of 2: a key's events may be read out of" in warning
    )


def test_options_that_differ_are_listed_and_set_unless_records_are_lost(
    kafka_bootstrap_servers: str, unique: str, tmp_path: Path
) -> None:
    topic, servers = f"made-{unique}", kafka_bootstrap_servers
    _make_compacted(servers, topic)
    file = _write(tmp_path / "topics.toml", topic, 1)

    status, listed = _run(file, servers)
    assert status == 0
    policy, retention = [line for line in listed.splitlines() if "WARNING" in line]
    assert f"topic {topic}: cleanup.policy is compact instead of delete" in policy
    assert "retention.ms is 1000 instead of 604800000" in retention

    status, listed = _run(file, servers, "--set")
    assert status == 0
    assert [line.split(" ")[0] for line in listed.splitlines()] == ["WARNING", "SET"]
    assert "deletes records" in listed.splitlines()[0]
    assert _own_options(servers, topic)["cleanup.policy"] == "compact"
    assert _own_options(servers, topic)["retention.ms"] == "604800000"

    assert _run(file, servers, "--set", "--delete-records")[0] == 0
    assert _own_options(servers, topic)["cleanup.policy"] == "delete"
    assert _run(file, servers) == (0, "")


def test_more_copies_in_sync_than_there_are_is_never_set(
    kafka_bootstrap_servers: str, unique: str, tmp_path: Path
) -> None:
    topic, servers = f"made-{unique}", kafka_bootstrap_servers
    file = _write(tmp_path / "topics.toml", topic, 1)
    _run(file, servers)
    file.write_text(f"[replication]\nproduction = 3\n[topics.{topic}]\npartitions = 1\n")

    status, listed = _run(file, servers, "--set", environment="production")
    assert status == 0
    assert "replication is 1 instead of 3" in listed
    assert "WARNING" in listed
    assert "SET" not in listed
    assert _own_options(servers, topic)["min.insync.replicas"] == "1"


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
    status, error = _run(file, kafka_bootstrap_servers, environment="staging")
    assert status == 2
    assert "no replication for staging" in error
