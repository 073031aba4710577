"""The topics that the services expect of a Kafka cluster, from deploy/kafka/topics.toml."""

from pathlib import Path

from devstack import repository
from devstack.errors import DevstackError
from servicekit.messaging import topics
from servicekit.messaging.cluster import KafkaCluster
from servicekit.messaging.topics import Topics, TopicsError

TOPICS_FILE = repository.KAFKA_DATA / "topics.toml"


def read_topics(path: Path = TOPICS_FILE) -> Topics:
    """Read and check the file."""
    return topics.read_topics(path)


def make_topics(cluster: KafkaCluster, wanted: Topics, environment: str = "development") -> None:
    """Make the topics that are missing, as `servicekit.messaging.topics.make_topics` does."""
    try:
        topics.make_topics(cluster, wanted, environment)
    except TopicsError as error:
        raise DevstackError(str(error)) from error
