"""Topics as data: a file says which there are, and they are made from it and never by accident."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, StringConstraints, ValidationError

from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.topic_differences import Difference, compare, describe, set_configs

_TIMEOUT_MS = 30_000
_MIN_INSYNC_REPLICAS = "min.insync.replicas"
# Of every topic that the file says nothing else about. A broker's own defaults may be others: with
# cleanup.policy=compact Kafka keeps only the newest event of each key.
_DEFAULT_CONFIG: Mapping[str, str] = {
    "cleanup.policy": "delete",
    "compression.type": "producer",
    "retention.bytes": "-1",
    "retention.ms": str(7 * 24 * 60 * 60 * 1000),
}

_ConfigName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(\.[a-z0-9]+)+$")]
_Config = dict[_ConfigName, int | str]


class TopicsError(Exception):
    """The file can't be read, or the cluster can't be made to have its topics."""


class TopicsFileError(TopicsError):
    """The file is wrong, or doesn't say what is asked of it."""


class Topic(BaseModel):
    """What is said of one topic."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partitions: PositiveInt
    config: _Config = Field(default_factory=dict)
    """Kafka's names and values, where they differ from those of all topics."""


class Topics(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    replication: dict[str, PositiveInt]
    min_insync_replicas: dict[str, PositiveInt] = Field(default_factory=dict)
    """Where an environment has none: one fewer than its replication, and at least one."""
    config: _Config = Field(default_factory=dict)
    """Of all topics."""
    topics: dict[str, Topic]

    def replication_in(self, environment: str) -> int:
        """Raises TopicsFileError for an environment that the file doesn't have."""
        if environment not in self.replication:
            known = ", ".join(self.replication)
            raise TopicsFileError(f"no replication for {environment}; there are: {known}")
        return self.replication[environment]

    def config_of(self, topic: str, environment: str) -> dict[str, str]:
        """Every option that this topic is made with. Raises as :meth:`replication_in`."""
        replication = self.replication_in(environment)
        in_sync = self.min_insync_replicas.get(environment, max(1, replication - 1))
        if in_sync > replication:
            raise TopicsFileError(
                f"min_insync_replicas of {environment} is {in_sync}: more than its replication, {replication}"
            )
        declared = {**self.config, **self.topics[topic].config}
        config = {**_DEFAULT_CONFIG, _MIN_INSYNC_REPLICAS: str(in_sync)}
        return config | {name: str(value) for name, value in declared.items()}


def read_topics(path: Path) -> Topics:
    """Read and check the file; raises TopicsFileError."""
    try:
        return Topics.model_validate(tomllib.loads(path.read_text()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise TopicsFileError(f"{path}: {error}") from error


def make_topics(
    cluster: KafkaCluster, wanted: Topics, environment: str = "development"
) -> Sequence[Difference]:
    """Make the topics that are missing, and return when each has its leaders.

    Returns how the topics that were there differ from the file; nothing of them is changed. A topic with
    fewer partitions than declared is an error: adding them is an operator's decision, since keys move, and so
    lose their order. The environment is one of those that the file gives a replication for. Raises
    TopicsFileError, or TopicsError if the cluster is the reason.
    """
    replication = wanted.replication_in(environment)
    configs = {name: wanted.config_of(name, environment) for name in wanted.topics}
    with _admin(cluster) as admin:
        present = describe(admin, list(configs))
        missing = {
            name: {
                "num_partitions": topic.partitions,
                "replication_factor": replication,
                "configs": configs[name],
            }
            for name, topic in wanted.topics.items()
            if name not in present
        }
        if missing:
            _create(admin, missing)
    for name, found in present.items():
        if found.partitions < wanted.topics[name].partitions:
            raise TopicsError(
                f"topic {name} has {found.partitions} partitions instead of {wanted.topics[name].partitions}"
            )
    return [
        difference
        for name, found in present.items()
        for difference in compare(found, wanted.topics[name].partitions, replication, configs[name])
    ]


def set_topics(cluster: KafkaCluster, differences: Sequence[Difference]) -> None:
    """Give topics the options that they were found not to have. Raises TopicsError."""
    with _admin(cluster) as admin:
        refusals = set_configs(admin, differences)
    if refusals:
        raise TopicsError("; ".join(refusals))


def _create(admin: Any, missing: dict[str, dict[str, Any]]) -> None:
    try:
        admin.create_topics(missing, timeout_ms=_TIMEOUT_MS, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        # Another process has made it since we looked; the next look compares it.
        for name, options in missing.items():
            _create_one(admin, name, options)


def _create_one(admin: Any, name: str, options: dict[str, Any]) -> None:
    try:
        admin.create_topics({name: options}, timeout_ms=_TIMEOUT_MS, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        return


@contextmanager
def _admin(cluster: KafkaCluster) -> Iterator[Any]:
    try:
        admin = KafkaAdminClient(
            **cluster.client_options,
            bootstrap_timeout_ms=_TIMEOUT_MS,
            request_timeout_ms=_TIMEOUT_MS,
        )
        try:
            yield admin
        finally:
            admin.close()
    except KafkaError as error:
        raise TopicsError(f"the topics can't be made on {cluster}: {cluster.reason(error)}") from error
