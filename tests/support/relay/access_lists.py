"""A broker with access control lists, and topics that the relay may not write to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from devstack.kafka_broker import KafkaBroker
from devstack.kafka_security import BrokerSecurity
from tests.support.servers import a_kafka_broker

_AUTHORIZERS = {
    "3": "kafka.security.authorizer.AclAuthorizer",
    "4": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
}
_EVERYBODY = "User:ANONYMOUS"

Forbid = Callable[[str, str], None]


class _AccessLists(BrokerSecurity):
    """No encryption and no passwords."""

    def __init__(self, authorizer: str) -> None:
        self._authorizer = authorizer

    def properties(self, directory: Path) -> dict[str, str]:
        return {
            "authorizer.class.name": self._authorizer,
            "allow.everyone.if.no.acl.found": "true",
        }


@contextmanager
def a_broker_with_access_lists(directory: Path) -> Iterator[KafkaBroker]:
    """Everybody may do everything but with topics that have a list of their own."""
    version = a_kafka_broker(directory).version
    security = _AccessLists(_AUTHORIZERS[version[0]])
    with a_kafka_broker(directory, security=security) as broker:
        yield broker


def deny_writing(servers: str, topic: str) -> None:
    """Let the topic be seen and read only."""
    _add(servers, topic, ACLOperation.ALL, ACLPermissionType.ALLOW)
    _add(servers, topic, ACLOperation.WRITE, ACLPermissionType.DENY)


def hide(servers: str, topic: str) -> None:
    """Deny everything on the topic, even that it exists."""
    _add(servers, topic, ACLOperation.ALL, ACLPermissionType.DENY)


def permit(servers: str, topic: str) -> None:
    """Take back what was denied."""
    admin = KafkaAdminClient(bootstrap_servers=servers)
    try:
        admin.delete_acls([ACLFilter(None, "*", ACLOperation.ANY, ACLPermissionType.DENY, _pattern(topic))])
    finally:
        admin.close()


def _add(servers: str, topic: str, operation: ACLOperation, permission: ACLPermissionType) -> None:
    admin = KafkaAdminClient(bootstrap_servers=servers)
    try:
        admin.create_acls([ACL(_EVERYBODY, "*", operation, permission, _pattern(topic))])
    finally:
        admin.close()


def _pattern(topic: str) -> ResourcePattern:
    return ResourcePattern(ResourceType.TOPIC, topic)
