"""The kind of stack that STACK asks for, on ports that are free."""

import os
from pathlib import Path

from devstack.abstract_stack import Stack
from devstack.config import read_settings
from devstack.embedded_stack import EmbeddedStack
from devstack.free_ports import find_free_ports
from devstack.kafka_broker import DEFAULT_VERSION
from devstack.ports import Ports
from devstack.services import SHOP, with_addresses
from tests.support.operated_stack import OperatedStack

THREE_BROKERS = "deploy/compose/three-brokers.yml"


def chosen_stack(directory: Path) -> Stack:
    """One of processes that don't wait for the disk, or with STACK=compose one of containers.

    KAFKA=3.4.0 gives it the seed's cluster, OFFLINE_IMAGES=1 the stand-ins for public images, GATEWAY=toss or
    portone a gateway in the sandbox.
    """
    kafka_version = os.environ.get("KAFKA") or DEFAULT_VERSION
    kind = os.environ.get("STACK") or "embedded"
    gateway = read_settings().gateway
    deployment = SHOP if gateway is None or gateway == "in-process" else SHOP.paying_at(gateway)
    if kind == "compose":
        return OperatedStack(
            directory,
            kafka_version,
            Ports.free(),
            deployment.gateway,
            offline_images=read_settings().offline_images,
            variables=with_addresses(deployment.chosen, SHOP.in_containers),
        )
    assert kind == "embedded", f"the tests know no stack that is called {kind}"
    return EmbeddedStack(directory, kafka_version, Ports.free(), durable=False, deployment=deployment)


def three_brokers_stack(directory: Path) -> OperatedStack:
    """One of containers with three Kafka brokers, which are called kafka, kafka-2 and kafka-3."""
    ports = Ports.free()
    second, third = find_free_ports(2, excluded=ports.model_dump().values())
    return OperatedStack(
        directory,
        ports=ports,
        offline_images=read_settings().offline_images,
        overrides=[THREE_BROKERS],
        variables={"KAFKA_2_PORT": str(second), "KAFKA_3_PORT": str(third)},
    )
