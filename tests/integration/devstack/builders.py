"""Processes for the tests of how processes are started and stopped."""

import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.services import Deployment, Service

STAND_IN = Path(__file__).with_name("stand_in.py")


def a_service(name: str, environment: Mapping[str, str] | None = None) -> Service:
    """A stand-in under a name that has a port."""
    return Service(name, (sys.executable, str(STAND_IN)), environment=environment or {})


def a_deployment(**environments: Mapping[str, str]) -> Deployment:
    """Two stand-ins, `coupon-api` and `order-api`; their environments by name with underscores."""
    return Deployment(
        tuple(
            a_service(name, environments.get(name.replace("-", "_"))) for name in ("coupon-api", "order-api")
        )
    )
