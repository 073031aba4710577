"""The topics of deploy/kafka/topics.toml, made explicitly."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError
from pydantic import BaseModel, ConfigDict, PositiveInt

from devstack import repository
from devstack.errors import DevstackError

TOPICS_FILE = repository.KAFKA_DATA / "topics.toml"
_TIMEOUT_MS = 30_000


class Topic(BaseModel):
    """What is said of one topic."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partitions: PositiveInt


class Topics(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    replication: dict[str, PositiveInt]
    topics: dict[str, Topic]


def read_topics(path: Path = TOPICS_FILE) -> Topics:
    """Read and check the file."""
    return Topics.model_validate(tomllib.loads(path.read_text()))


def make_topics(bootstrap_servers: str, wanted: Topics, environment: str = "development") -> None:
    """Make the topics that are missing, and return when each has its leaders.

    A topic that is there with another number of partitions is an error: adding partitions would move keys,
    and so break their order.
    """
    replication = wanted.replication[environment]
    try:
        with _admin(bootstrap_servers) as admin:
            present = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}
            missing = {
                name: {"num_partitions": topic.partitions, "replication_factor": replication}
                for name, topic in wanted.topics.items()
                if name not in present
            }
            if missing:
                _create(admin, missing)
    except KafkaError as error:
        raise DevstackError(f"the topics can't be made on {bootstrap_servers}: {error!r}") from error
    for name, topic in wanted.topics.items():
        if present.get(name, topic.partitions) != topic.partitions:
            raise DevstackError(f"topic {name} has {present[name]} partitions instead of {topic.partitions}")


def _create(admin: Any, missing: dict[str, dict[str, int]]) -> None:
    try:
        admin.create_topics(missing, timeout_ms=_TIMEOUT_MS, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        # Somebody else has made it since we looked; the next look tells whether as wanted.
        for name, options in missing.items():
            _create_one(admin, name, options)


def _create_one(admin: Any, name: str, options: dict[str, int]) -> None:
    try:
        admin.create_topics({name: options}, timeout_ms=_TIMEOUT_MS, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        return


@contextmanager
def _admin(bootstrap_servers: str) -> Iterator[Any]:
    admin = KafkaAdminClient(
        bootstrap_servers=bootstrap_servers,
        bootstrap_timeout_ms=_TIMEOUT_MS,
        request_timeout_ms=_TIMEOUT_MS,
    )
    try:
        yield admin
    finally:
        admin.close()
