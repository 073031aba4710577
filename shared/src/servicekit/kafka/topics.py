"""Topics as data: a file says which there are, and they are made from it and never by accident."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from servicekit.kafka.cluster import KafkaCluster

_TIMEOUT_MS = 30_000


class TopicsError(Exception):
    """The file can't be read, or the cluster can't be made to have its topics."""


class TopicsFileError(TopicsError):
    """The file is wrong, or doesn't say what is asked of it."""


class Topic(BaseModel):
    """What is said of one topic."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partitions: PositiveInt


class Topics(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    replication: dict[str, PositiveInt]
    topics: dict[str, Topic]


def read_topics(path: Path) -> Topics:
    """Read and check the file; raises TopicsFileError."""
    try:
        return Topics.model_validate(tomllib.loads(path.read_text()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise TopicsFileError(f"{path}: {error}") from error


def make_topics(cluster: KafkaCluster, wanted: Topics, environment: str = "development") -> None:
    """Make the topics that are missing, and return when each has its leaders.

    A topic that is there with another number of partitions is an error: adding partitions would move keys,
    and so break their order. The environment is one of those that the file gives a replication for. Raises
    TopicsFileError, or TopicsError if the cluster is the reason.
    """
    if environment not in wanted.replication:
        raise TopicsFileError(f"no replication for {environment}; there are: {', '.join(wanted.replication)}")
    replication = wanted.replication[environment]
    try:
        with _admin(cluster) as admin:
            present = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}
            missing = {
                name: {"num_partitions": topic.partitions, "replication_factor": replication}
                for name, topic in wanted.topics.items()
                if name not in present
            }
            if missing:
                _create(admin, missing)
    except KafkaError as error:
        raise TopicsError(f"the topics can't be made on {cluster}: {cluster.reason(error)}") from error
    for name, topic in wanted.topics.items():
        if present.get(name, topic.partitions) != topic.partitions:
            raise TopicsError(f"topic {name} has {present[name]} partitions instead of {topic.partitions}")


def _create(admin: Any, missing: dict[str, dict[str, int]]) -> None:
    try:
        admin.create_topics(missing, timeout_ms=_TIMEOUT_MS, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        # Another process has made it since we looked; the next look compares it.
        for name, options in missing.items():
            _create_one(admin, name, options)


def _create_one(admin: Any, name: str, options: dict[str, int]) -> None:
    try:
        admin.create_topics({name: options}, timeout_ms=_TIMEOUT_MS, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        return


@contextmanager
def _admin(cluster: KafkaCluster) -> Iterator[Any]:
    admin = KafkaAdminClient(
        **cluster.client_options,
        bootstrap_timeout_ms=_TIMEOUT_MS,
        request_timeout_ms=_TIMEOUT_MS,
    )
    try:
        yield admin
    finally:
        admin.close()
