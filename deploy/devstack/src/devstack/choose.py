"""From options, environment and what is there, which stack and which ports are meant."""

from collections.abc import Collection

from devstack import config
from devstack.compose_stack import ComposeStack
from devstack.compose_stack import data_name as compose_data_name
from devstack.config import Settings
from devstack.embedded import data_name
from devstack.errors import UsageError
from devstack.external import DATA_NAME, ExternalServers
from devstack.free_ports import is_free
from devstack.info import StackInfo
from devstack.kafka_broker import DEFAULT_VERSION, supported_version
from devstack.ports import Ports
from devstack.stack import Stack
from devstack.stack_directory import StackDirectory
from devstack.stacks import EmbeddedStack, ExternalStack
from servicekit.kafka.cluster import KafkaCluster


def embedded_stack(settings: Settings, kafka_version: str = DEFAULT_VERSION) -> Stack:
    """Return the stack with its own servers, on the ports that the environment asks for."""
    name = data_name(supported_version(kafka_version))
    ports = _choose_ports(settings, StackDirectory(settings.directory), name)
    return EmbeddedStack(settings.directory, kafka_version, ports, durable=settings.fsync)


def external_stack(settings: Settings, postgresql_url: str | None, bootstrap_servers: str | None) -> Stack:
    """Return the stack on others' servers: those named, or those of the last time if none is."""
    if (postgresql_url is None) != (bootstrap_servers is None):
        raise UsageError("an external stack needs both --postgresql-url and --bootstrap-servers")
    servers = None
    if postgresql_url is not None and bootstrap_servers is not None:
        servers = ExternalServers(
            postgresql_url=postgresql_url,
            bootstrap_servers=bootstrap_servers,
            kafka_security=config.kafka_security(),
        )
    ports = _choose_ports(settings, StackDirectory(settings.directory), DATA_NAME)
    return ExternalStack(settings.directory, servers, ports)


def compose_stack(settings: Settings, kafka_version: str = DEFAULT_VERSION) -> Stack:
    """Return the stack in containers; with Kafka 3.4.0 it is the seed's cluster, and a project of its own."""
    name = compose_data_name(supported_version(kafka_version))
    ports = _choose_ports(settings, StackDirectory(settings.directory), name)
    return ComposeStack(settings.directory, kafka_version, ports, offline_images=settings.offline_images)


def present_stack(settings: Settings) -> Stack:
    """Return the stack that runs, or else the one that has run here; with neither, the default one."""
    directory = StackDirectory(settings.directory)
    names = directory.active() or directory.known()
    if len(names) > 1 and not directory.active():
        names = [name for name in names if name == data_name(DEFAULT_VERSION)] or names
    return named_stack(settings, names[0] if names else data_name(DEFAULT_VERSION))


def named_stack(settings: Settings, name: str) -> Stack:
    """Return a stack by the name that `StackDirectory` knows it by."""
    if name == DATA_NAME:
        return external_stack(settings, None, None)
    if name.startswith(compose_data_name("")):
        return compose_stack(settings, name.removeprefix(compose_data_name("")))
    return embedded_stack(settings, name.removeprefix(data_name("")))


def kafka_cluster(settings: Settings, info: StackInfo) -> KafkaCluster:
    """Return the cluster of a stack that is up, and how a client of it is let in."""
    if info.kind == "external":
        return ExternalServers.read(StackDirectory(settings.directory).data(DATA_NAME)).cluster
    return KafkaCluster(info.kafka.bootstrap_servers)


def _choose_ports(settings: Settings, directory: StackDirectory, name: str) -> Ports:
    """Let explicit variables win over the ports of the last time, and those over new ones.

    Where free ports are asked for and nothing runs, what was free the last time and is taken now is replaced.
    """
    changes = config.read_port_changes()
    remembered = directory.remembered_ports(name)
    if settings.ports == "free" and name not in directory.active():
        return Ports.free({**_still_free(remembered, changes.values()), **changes})
    return (remembered or Ports.default()).changed(changes)


def _still_free(remembered: Ports | None, promised: Collection[int]) -> dict[str, int]:
    ports = {} if remembered is None else remembered.model_dump()
    return {field: port for field, port in ports.items() if port not in promised and is_free(port)}
