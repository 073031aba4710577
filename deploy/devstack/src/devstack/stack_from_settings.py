"""The stack that the environment asks for."""

from devstack import config
from devstack.abstract_stack import Stack
from devstack.compose_stack import ComposeStack
from devstack.compose_stack import data_name as compose_data_name
from devstack.config import Settings
from devstack.embedded_stack import EmbeddedStack, data_name
from devstack.errors import UsageError
from devstack.external_stack import DATA_NAME, ExternalServers, ExternalStack
from devstack.info import StackInfo
from devstack.kafka_broker import DEFAULT_VERSION, supported_version
from devstack.ports import Ports
from devstack.services import SHOP, with_addresses, with_gateway
from devstack.stack_directory import StackDirectory
from servicekit.kafka.cluster import KafkaCluster

_KEPT = {"PROVIDERS", "OFFLINE_IMAGES"}


def stack_to_start(settings: Settings) -> Stack:
    """Return the stack that STACK, KAFKA and GATEWAY name; with none, the one that runs, or the default."""
    active = StackDirectory(settings.directory).active()
    is_unasked = (settings.stack, settings.kafka, settings.gateway) == (None, None, None)
    name = active[0] if active and is_unasked else _wanted_name(settings)
    chosen = config.chosen_ports()
    ports = Ports.free(chosen) if settings.ports == "free" else Ports.default_but(chosen)
    stack = named_stack(settings, name, ports)
    stack.variables |= chosen
    return stack


def running_stack(settings: Settings) -> Stack:
    """Return the stack that is up, or raise UsageError."""
    directory = StackDirectory(settings.directory)
    active = directory.active()
    if not active or not directory.info_path.exists():
        raise UsageError("no stack is running; start one with `make up`")
    return named_stack(settings, active[0])


def cluster_of(info: StackInfo) -> KafkaCluster:
    """Return the cluster of a stack that is up; a secured one needs the KAFKA_… variables again."""
    if info.kind == "external":
        return ExternalServers("", info.kafka.bootstrap_servers, config.kafka_security()).cluster
    return KafkaCluster(info.kafka.bootstrap_servers)


def named_stack(settings: Settings, name: str, ports: Ports | None = None) -> Stack:
    """Return a stack by the name of its folder; without `ports` it has those of its latest start.

    If it runs, it keeps what no variable asks to change. If one does, the stack refuses to start anything.
    """
    kept = StackDirectory(settings.directory).kept_variables(name)
    unset = _KEPT - {field.upper() for field in settings.model_fields_set}
    asked = settings.model_copy(update={name.lower(): kept[name] for name in unset & kept.keys()})
    stack = _stack_of_kind(asked, name, ports)
    stack.variables["PROVIDERS"] = asked.providers
    return stack


def _stack_of_kind(settings: Settings, name: str, ports: Ports | None) -> Stack:
    has_two = settings.providers == "solapi,nhn"
    # By the name, not by the settings: whatever these say, what was started can be stopped.
    gateway = next((each for each in SHOP.gateways if name.endswith(f"-{each}")), None)
    deployment = SHOP.through_solapi_and_nhn() if has_two else SHOP
    deployment = deployment.paying_at(gateway) if gateway else deployment
    if name == with_gateway(DATA_NAME, gateway):
        url, broker = settings.external_postgresql_url, settings.external_kafka_bootstrap_servers
        servers = ExternalServers(url, broker, config.kafka_security()) if url and broker else None
        return ExternalStack(settings.directory, servers, ports, deployment=deployment)
    kafka_version = name.removesuffix(f"-{gateway}").rpartition("-")[2]
    if name == compose_data_name(kafka_version, gateway):
        offline, variables = settings.offline_images, with_addresses(deployment.chosen, SHOP.in_containers)
        return ComposeStack(
            settings.directory, kafka_version, ports, gateway, offline_images=offline, variables=variables
        )
    return EmbeddedStack(settings.directory, kafka_version, ports, deployment=deployment)


def _wanted_name(settings: Settings) -> str:
    kafka_version = supported_version(settings.kafka or DEFAULT_VERSION)
    gateway = settings.gateway if settings.gateway in SHOP.gateways else None
    if gateway and settings.stack == "external":
        raise UsageError("STACK=external takes no GATEWAY: it would end payments in-process there for good")
    names = {"external": DATA_NAME, "compose": compose_data_name(kafka_version, gateway)}
    return names.get(settings.stack or "embedded", data_name(kafka_version, gateway))
