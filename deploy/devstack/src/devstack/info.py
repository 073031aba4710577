"""stack.json: where everything listens."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from devstack.locking import write_whole

Kind = Literal["embedded", "external", "compose"]


class _Info(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class KafkaInfo(_Info):
    bootstrap_servers: str
    version: str


class PostgresqlInfo(_Info):
    version: str
    databases: dict[str, str]
    """The URL of each database for its owner."""


class ServiceInfo(_Info):
    url: str | None = None
    pid: int | None = None


class StackInfo(_Info):
    kind: Kind
    gateway: str | None = None
    """The one in the sandbox that orders are paid at, if any."""
    kafka: KafkaInfo
    postgresql: PostgresqlInfo
    services: dict[str, ServiceInfo]

    @classmethod
    def read(cls, path: Path) -> Self:
        return cls.model_validate_json(path.read_text())

    def write(self, path: Path) -> None:
        write_whole(path, self.model_dump_json(by_alias=True, exclude_none=True, indent=2) + "\n")
