"""Topics whose brokers are stricter than the relay."""

from uuid import uuid4

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import MessageSizeTooLargeError

from tests.support.topics import create_topics, produce
from tests.support.waiting import wait_until

_LARGE = b"x" * 1_000


def set_topic_option(bootstrap_servers: str, topic: str, name: str, value: str) -> None:
    """Returns when the only broker has it in force."""
    witness = f"witness-{uuid4().hex[:12]}"
    create_topics(bootstrap_servers, [witness], partitions=1)
    produce(bootstrap_servers, witness, [(b"key", _LARGE)])
    _alter(bootstrap_servers, topic, {name: value})
    # Kafka answers before its brokers apply the option, and describes what is stored, not what is in force.
    # Options come into force in order, so once a later one shows an effect, this one is in force, too.
    _alter(bootstrap_servers, witness, {"max.message.bytes": "100"})
    wait_until(lambda: _refuses_large(bootstrap_servers, witness), "the topic's option to be in force")


def _alter(bootstrap_servers: str, topic: str, options: dict[str, str]) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, options)])
    finally:
        admin.close()


def _refuses_large(bootstrap_servers: str, topic: str) -> bool:
    try:
        produce(bootstrap_servers, topic, [(b"key", _LARGE)])
    except MessageSizeTooLargeError:
        return True
    return False
