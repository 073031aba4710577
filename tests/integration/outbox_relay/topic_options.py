"""Topics whose brokers are stricter than the relay."""

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient


def set_topic_option(bootstrap_servers: str, topic: str, name: str, value: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {name: value})])
    finally:
        admin.close()
