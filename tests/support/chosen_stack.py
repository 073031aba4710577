"""The kind of stack that STACK asks for, on ports that are free."""

import os
from pathlib import Path

from devstack import choose
from devstack.config import read_settings
from devstack.kafka_broker import DEFAULT_VERSION
from devstack.ports import Ports
from devstack.stack import Stack
from devstack.stacks import EmbeddedStack


def chosen_stack(directory: Path) -> Stack:
    """One of processes that don't wait for the disk, or with STACK=compose one of containers.

    KAFKA=3.4.0 gives it the seed's cluster, OFFLINE_IMAGES=1 the stand-ins for public images.
    """
    kafka_version = os.environ.get("KAFKA") or DEFAULT_VERSION
    kind = os.environ.get("STACK") or "embedded"
    if kind == "compose":
        settings = read_settings().model_copy(update={"directory": directory, "ports": "free"})
        return choose.compose_stack(settings, kafka_version)
    assert kind == "embedded", f"the tests know no stack that is called {kind}"
    return EmbeddedStack(directory, kafka_version, Ports.free(), durable=False)
