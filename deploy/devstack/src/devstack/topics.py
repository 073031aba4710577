"""The topics that the services expect of a Kafka cluster, from deploy/kafka/topics.toml."""

from pathlib import Path

from devstack import repository
from devstack.errors import DevstackError
from servicekit.kafka import topics
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.topics import Topics, TopicsError

TOPICS_FILE = repository.KAFKA_DATA / "topics.toml"


def read_topics(path: Path = TOPICS_FILE) -> Topics:
    """Read and check the file."""
    return topics.read_topics(path)


def make_topics(cluster: KafkaCluster, wanted: Topics, environment: str = "development") -> None:
    """Make the topics that are missing, as `servicekit.kafka.topics.make_topics` does."""
    try:
        topics.make_topics(cluster, wanted, environment)
    except TopicsError as error:
        raise DevstackError(str(error)) from error
