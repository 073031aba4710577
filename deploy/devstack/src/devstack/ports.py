"""Which process listens on which port."""

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from devstack.errors import UsageError
from devstack.free_ports import find_free_ports

Port = Annotated[int, Field(ge=1, le=65535)]


class Ports(BaseModel):
    """A port for every process that may be started; a field's name is the process's, with underscores.

    The notification consumers and the coupon worker have no API: theirs serve health and metrics.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    coupon_api: Port = 8001
    order_api: Port = 8002
    notification_api: Port = 8003
    outbox_relay: Port = 8004
    provider_sandbox: Port = 8010
    coupon_worker: Port = 8011
    notification_consumer_1: Port = 8012
    notification_consumer_2: Port = 8013
    notification_consumer_3: Port = 8014
    postgresql: Port = 15432
    kafka: Port = 9092
    kafka_controller: Port = 9093
    zookeeper: Port = 2181

    @classmethod
    def default(cls) -> Self:
        """Return the ports that the documentation names."""
        return cls()

    @classmethod
    def free(cls, given: Mapping[str, int] = MappingProxyType({})) -> Self:
        """Return the given ports, keyed by field, and for the others such as are free at the moment.

        So any number of stacks can run side by side.
        """
        missing = [field for field in cls.model_fields if field not in given]
        drawn = find_free_ports(len(missing), excluded=given.values())
        return cls._checked({**given, **dict(zip(missing, drawn, strict=True))})

    def of(self, process: str) -> int:
        """Return the port of a process by its name."""
        return int(getattr(self, _field(process)))

    def changed(self, changes: Mapping[str, int]) -> Self:
        """Return these ports but for the changed ones, keyed by field."""
        return self._checked({**self.model_dump(), **changes})

    def taking(self, others: Self, names: Iterable[str]) -> Self:
        """Return these ports but for the named ones, which are as in the others."""
        return self.changed({_field(name): others.of(name) for name in names})

    def moved(self, name: str) -> Self:
        """Return these ports but for the named one, which is one that is free at the moment."""
        others = {field: port for field, port in self.model_dump().items() if field != _field(name)}
        return self.free(others)

    def changes_since(self, former: Self) -> list[str]:
        """Return VARIABLE=port for each port that is another one than formerly."""
        changed = ((name, self.of(field), former.of(field)) for field, name in port_variables())
        return [f"{name}={port}" for name, port, formerly in changed if port != formerly]

    @classmethod
    def _checked(cls, ports: Mapping[str, int]) -> Self:
        try:
            return cls(**ports)
        except ValidationError as error:
            faults = (it["msg"].removeprefix("Value error, ") for it in error.errors())
            raise UsageError("; ".join(faults)) from error

    @model_validator(mode="after")
    def _are_different(self) -> Self:
        """Name the processes that would share a port."""
        counts = Counter(self.model_dump().values())
        twice = [f"{variable(name)}={port}" for name, port in self.model_dump().items() if counts[port] > 1]
        if twice:
            raise ValueError(f"one port for several processes: {', '.join(twice)}")
        return self


def variable(process: str) -> str:
    """Return the environment variable that sets the port of a process."""
    return f"DEVSTACK_{_field(process).upper()}_PORT"


def port_variables() -> Iterable[tuple[str, str]]:
    """Return each field of `Ports` with its environment variable."""
    return [(name, variable(name)) for name in Ports.model_fields]


def _field(process: str) -> str:
    return process.replace("-", "_")
