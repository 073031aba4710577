"""Which process listens on which port."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from devstack.errors import UsageError, validation_faults
from devstack.free_ports import find_free_ports

Port = Annotated[int, Field(ge=1, le=65535)]


def variable(process: str) -> str:
    """Return the environment variable that sets the port of a process."""
    return f"DEVSTACK_{process.replace('-', '_').upper()}_PORT"


class Ports(BaseModel):
    """A port for every process that may be started; a field's name is the process's, with underscores.

    Workers and consumers have no API: on theirs they serve health and metrics.
    """

    model_config = ConfigDict(alias_generator=variable, populate_by_name=True, frozen=True)

    coupon_api: Port = 8001
    order_api: Port = 8002
    notification_api: Port = 8003
    outbox_relay: Port = 8004
    coupon_watch: Port = 8005
    provider_sandbox: Port = 8010
    gateway_sandbox: Port = 8020
    coupon_worker: Port = 8011
    notification_consumer_1: Port = 8012
    notification_consumer_2: Port = 8013
    notification_consumer_3: Port = 8014
    order_worker: Port = 8015
    postgresql: Port = 15432
    kafka: Port = 9092
    kafka_controller: Port = 9093
    zookeeper: Port = 2181

    @classmethod
    def default_but(cls, chosen: Mapping[str, int]) -> Self:
        """Return the documented ports, except for the chosen ones (keyed by variable)."""
        try:
            return cls.model_validate(chosen)
        except ValidationError as error:
            raise UsageError(validation_faults(error)) from error

    @classmethod
    def free(cls, chosen: Mapping[str, int] = MappingProxyType({})) -> Self:
        """Return the chosen ports (keyed by variable) and, for the other processes, ports that are free."""
        others = [name for name in map(variable, cls.model_fields) if name not in chosen]
        drawn = find_free_ports(len(others), excluded=chosen.values())
        return cls.default_but({**dict(zip(others, drawn, strict=True)), **chosen})

    def variables(self) -> dict[str, int]:
        return self.model_dump(by_alias=True)

    def of(self, process: str) -> int:
        return int(getattr(self, process.replace("-", "_")))

    @model_validator(mode="after")
    def _are_different(self) -> Self:
        counts = Counter(self.variables().values())
        twice = [f"{name}={port}" for name, port in self.variables().items() if counts[port] > 1]
        if twice:
            raise ValueError(f"two processes can't share a port: {', '.join(twice)}")
        return self
