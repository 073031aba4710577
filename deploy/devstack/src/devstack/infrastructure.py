"""What a stack's services stand on: a PostgreSQL and a Kafka, ours or somebody else's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from devstack.info import KafkaInfo, Kind, PostgresqlInfo
from devstack.processes import ProcessSpec

Progress = Callable[[str], None]
"""Is told in a few words what is being done."""


class Infrastructure(Protocol):
    """The strategy that tells one kind of stack from another. It yields URLs, and processes if ours."""

    kind: Kind
    name: str
    """Distinguishes the data of stacks that lie in one directory."""
    listeners: Sequence[tuple[str, str]]
    """Our processes in the order of their start, each with the name under which `Ports` has its port."""

    @property
    def bootstrap_servers(self) -> str:
        """What a Kafka client is given."""

    def start_postgresql(self, progress: Progress) -> None:
        """Return when the server answers and has the roles and databases; start it if it is ours."""

    def start_kafka(self, progress: Progress) -> None:
        """Return when the broker answers and has the topics; start it if it is ours."""

    def specs(self) -> Sequence[ProcessSpec]:
        """Return our processes in the order of their start, as far as stopping and probing needs."""

    def told(self, name: str) -> Mapping[str, str]:
        """Return what one of our processes is told, at its start only, of where others listen."""

    def database_url(self, database: str, role: str) -> str:
        """Return the URL by which a role reaches a database."""

    def kafka_info(self) -> KafkaInfo:
        """Describe the broker; it need not be running."""

    def postgresql_info(self) -> PostgresqlInfo:
        """Describe the server; it need not be running, but then its version may be unknown."""
